# What secrets.sh runs in. An image apart from the services' own: mysql and redis wait for it, and compose restarts them
# when it changes, which an update of the services must not do (after a restart of Redis nothing is accepted for a minute).
FROM debian:trixie-slim
RUN apt-get update && apt-get install -y --no-install-recommends openssl && rm -rf /var/lib/apt/lists/*
