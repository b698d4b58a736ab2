# Write your answer for step 5, secure, here.
#
# Write compose.yaml and bring up a registry on 127.0.0.1:$SECURE_PORT with your configuration,
# certificate and account. Push $APP:$VERSION to it as $ACCOUNT.
