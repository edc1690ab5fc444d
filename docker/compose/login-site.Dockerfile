# The sample site of docs/examples/login-flask, for the profile delegated-login.
FROM debian:trixie-slim
RUN apt-get update && apt-get install -y --no-install-recommends python3-flask gunicorn && rm -rf /var/lib/apt/lists/*
COPY countersign_login.py demo.py /site/
WORKDIR /site
USER 65532:65532
ENV PYTHONDONTWRITEBYTECODE=1
