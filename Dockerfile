# syntax=docker/dockerfile:1
# The program, its plugins compiled beforehand, and a system without a shell around them. What a container of it needs is in the
# README, "On Fly.io and in a container".

FROM rust:1.95.0-slim-bookworm AS build
# The image has the release that rust-toolchain.toml names; without this rustup would fetch what only developers need with it.
ENV RUSTUP_TOOLCHAIN=1.95.0
RUN rustup target add wasm32-wasip2
WORKDIR /src
COPY . .
# What lies in a cache mount outlives this build and is no part of the image, so the program is copied out. It is built by itself and
# without features: a build with the feature `simulator` in it would accept any certificate.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --release -p switchboard && \
    install -D target/release/switchboard /image/usr/local/bin/switchboard
# It runs on any processor of this architecture. Like the program it belongs to root, and who runs it can only read it.
RUN /image/usr/local/bin/switchboard plugin precompile --into /image/usr/local/lib/switchboard/plugins && \
    mkdir /data

# Debian 12 as above: the same libc.
FROM gcr.io/distroless/cc-debian12
COPY --from=build /image /
# A new volume takes over whose the folder is.
COPY --from=build --chown=65532:65532 /data /data
ENV SWITCHBOARD_DATA__DIR=/data \
    SWITCHBOARD_SERVER__LISTEN=[::]:4002 \
    SWITCHBOARD_PLUGINS__PRECOMPILED_DIR=/usr/local/lib/switchboard/plugins
VOLUME /data
EXPOSE 4002
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/switchboard"]
