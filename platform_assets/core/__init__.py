"""What every domain builds on; names no domain and no source."""
