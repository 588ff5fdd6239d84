"""What is known of each family without kullback: its density in many digits, parameters to try; one file a family."""
