"""From raw objects to the tables of sources: listings, notifications, ledgers, sensors, and the assets of jobs."""
