"""What leaves the lake as tables: files, SQL, the Glue catalogue."""
