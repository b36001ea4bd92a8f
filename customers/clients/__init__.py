"""Services of others that know something about customers."""
