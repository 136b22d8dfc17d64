"""From raw objects to source tables: listings, notifications, ledgers, sensors and the assets of jobs."""
