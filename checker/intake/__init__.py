"""What an instructor is handed: archives, repositories, rosters, times. Nothing here needs an engine."""
