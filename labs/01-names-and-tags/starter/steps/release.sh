# Write your answer for step 3, release, here.
#
# Push the app in version $VERSION to $REPOSITORY under four tags that all name one image: the
# full version X.Y.Z, X.Y, X and latest.
