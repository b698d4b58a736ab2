# What no rule allows is denied, so every line here opens something; keep them few.
# Push needs pull beside it: the registry asks for both. Only the administrator may list everything.
set -eu
cat > access/registry-rbac.conf <<END
role admin {
  repositories "$TEAM/**"
  actions pull push
  registry catalog
}
role developer {
  repositories "$TEAM/*"
  actions pull push
}
role cicd {
  repositories "$TEAM/*"
  actions pull push
}
role readonly {
  repositories "$TEAM/*"
  actions pull
}
END
