# Write your answer for step 1, login, here.
#
# Make an access token that may pull and push but not delete, and log in to $HUB with it as $HUB_USERNAME.
# The password, $HUB_PASSWORD, only opens the session that makes the token.
