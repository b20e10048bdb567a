"""PostgreSQL: how it is connected to, waited for and explained."""
