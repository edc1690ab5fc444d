# introspection-service as an image. Build from the top of the tree:
#   docker build -f docker/introspection-service.Dockerfile -t countersign/introspection-service .
# The stages build and libraries are the same in both Dockerfiles, line by line: the second image finds them in the cache, and
# the images share the layer of the libraries.

FROM debian:trixie-slim AS build
# One path and one date in every build: two builds of one commit give the same binaries.
ENV SOURCE_DATE_EPOCH=0 LC_ALL=C.UTF-8
WORKDIR /countersign
COPY dev ./
RUN ./dev deps && apt-get install -y -qq --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*
COPY CMakeLists.txt ./
COPY common common
COPY services services
RUN ./dev build && strip build/bin/auth-service build/bin/introspection-service

FROM debian:trixie-slim AS libraries
# libmariadb3 brings caching_sha2_password.so, which MySQL 8 and later ask for; ca-certificates is for stores behind a
# public certificate.
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    ca-certificates libcjson1 libevent-2.1-7t64 libhiredis1.1.0 libmariadb3 libsqlite3-0 libssl3t64 \
 && apt-get clean \
 && rm -rf /var/lib/apt/lists/* /var/cache/debconf/* /var/log/apt /var/log/dpkg.log /var/log/alternatives.log

FROM libraries AS base

# What is ours in the image, below /image, with the list (SPDX) of that and of Debian's packages beside it.
FROM build AS own
COPY --from=base /var/lib/dpkg /base/dpkg
COPY LICENSE /image/usr/share/doc/countersign/LICENSE
COPY packaging/sbom.py packaging/
ARG VERSION=0.1.0
RUN install -D build/bin/introspection-service /image/usr/local/bin/introspection-service \
 && python3 packaging/sbom.py /image introspection-service "$VERSION" --beside /base/dpkg >/sbom.spdx.json \
 && mv /sbom.spdx.json /image/usr/share/doc/countersign/ \
 && find /image -exec touch -d "@$SOURCE_DATE_EPOCH" {} +

FROM base
COPY --from=own /image /
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="introspection-service" \
      org.opencontainers.image.description="OAuth 1.0a (RFC 5849) verification of signed requests for resource servers and gateways" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.base.name="debian:trixie-slim"
# A number, so that Kubernetes can see that it is not root. Nothing is written but to a database or a socket that the
# operator names: the root file system can be read-only.
USER 65532:65532
WORKDIR /
EXPOSE 8082 9091
# Ready means that the stores answer; asked without a shell. One 503 is enough: what answers it is not healthy.
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=1 CMD ["introspection-service", "healthcheck"]
ENTRYPOINT ["introspection-service"]
CMD ["serve"]
