# shellcheck shell=bash
# build.sh: for `./dev package`: build/bin as three Debian packages for the Debian that they were built on, each with its
# list of what is inside (SPDX), in build/package. The same commit gives the same bytes, whatever the folder and the hour.

# SOURCE_DATE_EPOCH where it is set, else the time of the commit, else (a tree without git) that of the change log.
package_epoch() {
  if [[ -n ${SOURCE_DATE_EPOCH:-} ]]; then
    say "$SOURCE_DATE_EPOCH"
    return
  fi
  git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md
}

package_version() {
  sed -n 's/^project(countersign VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt
}

# stage_common FOLDER
stage_common() {
  local doc=$1/usr/share/doc/countersign-common page
  install -D -m 0644 packaging/countersign.env "$1/etc/countersign/countersign.env"
  install -D -m 0644 packaging/systemd/countersign-.service.d/hardening.conf \
    "$1/usr/lib/systemd/system/countersign-.service.d/hardening.conf"
  # as they stand in the tree, so that links between them lead somewhere
  for page in README.md CHANGELOG.md CONTRIBUTING.md $(find docs proto -type f -not -path '*/__pycache__/*' -not -path '*/node_modules/*'); do
    install -D -m 0644 "$page" "$doc/$page"
  done
}

# stage_service FOLDER SERVICE: the manual pages and the shells' completion are the program's own
stage_service() {
  local share=$1/usr/share page
  install -D -m 0755 "build/bin/$2" "$1/usr/bin/$2"
  strip --strip-unneeded "$1/usr/bin/$2"
  install -D -m 0644 "packaging/systemd/countersign-$2.service" "$1/usr/lib/systemd/system/countersign-$2.service"
  install -d "$share/man/man1" "$share/bash-completion/completions" "$share/fish/vendor_completions.d"
  "build/bin/$2" completion bash >"$share/bash-completion/completions/$2"
  "build/bin/$2" completion fish >"$share/fish/vendor_completions.d/$2.fish"
  "build/bin/$2" man --into "$share/man/man1"
  for page in "$share"/man/man1/*.1; do gzip -9n "$page"; done
  chmod -R u=rwX,go=rX "$share"
}

stage_auth-service() {
  stage_service "$1" auth-service
  install -D -m 0755 packaging/countersign "$1/usr/sbin/countersign"
  install -m 0644 packaging/countersign.bash "$1/usr/share/bash-completion/completions/countersign"
  install -D -m 0644 packaging/countersign.1 "$1/usr/share/man/man1/countersign.1"
  gzip -9n "$1/usr/share/man/man1/countersign.1"
  install -D -m 0644 packaging/auth-service.env "$1/etc/countersign/auth-service.env"
  install -m 0644 packaging/systemd/countersign-janitor.{service,timer} "$1/usr/lib/systemd/system/"
}

stage_introspection-service() {
  stage_service "$1" introspection-service
}

# libraries_of FOLDER: the Debian packages, with versions, that its programs are linked with
libraries_of() {
  local programs
  mapfile -t programs < <(find "$1/usr/bin" -type f 2>/dev/null)
  ((${#programs[@]})) || return 0
  local scratch=build/package/shlibs
  mkdir -p $scratch/debian
  printf 'Source: countersign\n\nPackage: countersign\nArchitecture: any\n' >$scratch/debian/control
  (cd $scratch && dpkg-shlibdeps -O "${programs[@]/#/$OLDPWD/}" 2>/dev/null) | sed -n 's/^shlibs:Depends=//p'
}

# control_of PART VERSION DEPENDS SIZE
control_of() {
  local summary architecture
  architecture=$(dpkg --print-architecture)
  case $1 in
    common) summary='OAuth 1.0a provider: configuration, user, documents' && architecture=all ;;
    auth-service) summary='OAuth 1.0a provider: issues credentials, asks the resource owner' ;;
    introspection-service) summary='OAuth 1.0a provider: checks signed requests' ;;
  esac
  cat <<END
Package: countersign-$1
Source: countersign
Version: $2
Section: net
Priority: optional
Architecture: $architecture
Installed-Size: $4
Depends: $3
Maintainer: Countersign <countersign@localhost>
Description: $summary
 Countersign is an OAuth 1.0a (RFC 5849) provider: auth-service issues temporary
 credentials and token credentials, introspection-service tells resource servers
 and gateways whether a signed request is good, and whose it is.
END
}

# package_part PART VERSION
package_part() {
  local part=$1 version=$2 folder=build/package/countersign-$1 depends=adduser script
  rm -rf "$folder"
  install -d -m 0755 "$folder/DEBIAN"
  "stage_$part" "$folder"
  install -D -m 0644 LICENSE "$folder/usr/share/doc/countersign-$part/copyright"
  if [[ -d $folder/etc ]]; then (cd "$folder" && find etc -type f -printf '/%p\n') >"$folder/DEBIAN/conffiles"; fi
  if [[ $part != common ]]; then
    depends="countersign-common (= $version), procps, util-linux, $(libraries_of "$folder")"
  fi
  /usr/bin/python3 packaging/sbom.py "$folder" "countersign-$part" "$version" --depends "$depends" \
    >"$folder/usr/share/doc/countersign-$part/sbom.spdx.json"
  cp "$folder/usr/share/doc/countersign-$part/sbom.spdx.json" "build/package/countersign-$part.spdx.json"
  control_of "$part" "$version" "$depends" "$(du -k -s --apparent-size "$folder/usr" | cut -f1)" >"$folder/DEBIAN/control"
  for script in postinst prerm postrm; do
    if [[ -f packaging/debian/countersign-$part.$script ]]; then
      install -m 0755 "packaging/debian/countersign-$part.$script" "$folder/DEBIAN/$script"
    fi
  done
  find "$folder" -type d -exec chmod 0755 {} +
  find "$folder" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
  dpkg-deb --root-owner-group -Zxz --threads-max=1 --build "$folder" build/package >/dev/null
}

# package_all REVISION
package_all() {
  local version part
  SOURCE_DATE_EPOCH=$(package_epoch)
  export SOURCE_DATE_EPOCH LC_ALL=C.UTF-8 TZ=UTC
  umask 022
  version=$(package_version)-$1
  mkdir -p build/package
  rm -f build/package/*.deb build/package/*.spdx.json
  for part in common auth-service introspection-service; do package_part "$part" "$version"; done
  (cd build/package && sha256sum -- *.deb)
}
