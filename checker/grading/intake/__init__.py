"""What a class handed in: archives, repositories, rosters and times, and whose each submission is."""
