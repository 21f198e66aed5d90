"""Files in and out: results, and the data that services already keep."""
