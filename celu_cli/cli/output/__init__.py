"""What commands show: tables, live displays and plots in the terminal, records for programs."""
