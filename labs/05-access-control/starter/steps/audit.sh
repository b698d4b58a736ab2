# Write your answer for step 6, audit, here.
#
# Add the role auditor to access/registry-rbac.conf, with the right to read the record and no other.
# As $AUDITOR_USER get http://$API/events and write audit.csv: the columns at, actor, action,
# repository and digest, one line for each manifest that was pushed, pulled or deleted.
