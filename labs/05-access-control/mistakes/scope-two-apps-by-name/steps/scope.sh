# One star stays between two slashes, so the apps are reached and the archive below them is not.
# The pipeline releases one app and is given its full name: no star, so nothing else is like it.
set -eu
cat > access/registry-rbac.conf <<END
# The apps of the team are $TEAM/<app>, what is out of use lies in $TEAM/archive/<app>.
role admin {
  repositories "$TEAM/*" "$TEAM/archive/*"
  actions pull push delete
  registry catalog
}
role developer {
  repositories "$TEAM/$APP" "$TEAM/$TOOL"
  actions pull push
}
role cicd {
  repositories "$TEAM/$APP"
  actions pull push
}
role readonly {
  repositories "$TEAM/*"
  actions pull
}
END
