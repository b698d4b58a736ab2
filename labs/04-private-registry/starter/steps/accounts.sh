# Write your answer for step 4, accounts, here.
#
# Write registry/htpasswd with the account $ACCOUNT, whose password is $PASSWORD, kept with bcrypt.
