# Write your answer for step 1, roles, here.
#
# Write access/registry-rbac.conf with the roles admin (pull, push, delete), developer (pull, push),
# cicd (pull, push) and readonly (pull) for the repositories of your team, $TEAM/<app>. The
# administrator alone may list all repositories.
