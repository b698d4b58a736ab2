# Write your answer for step 10, schedule, here.
#
# Write sweep.sh: it scans every tag of every repository in $REGISTRY into reports/stored/REPOSITORY/TAG.json. Run
# it once, and write crontab, by which cron runs it on every day.
