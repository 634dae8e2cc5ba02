# syntax=docker/dockerfile:1
# The service alone: no sandbox, no development dependency. `npm run checksums` prints the two build arguments that it needs.

ARG NODE_VERSION=24.21.0

FROM node:${NODE_VERSION}-bookworm AS pulumi
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
ARG PULUMI_VERSION=3.258.0
ARG AWS_PLUGIN_VERSION=7.48.0
# for arm64: PULUMI_ARCH=arm64 and AWS_PLUGIN_ARCH=arm64
ARG PULUMI_ARCH=x64
ARG AWS_PLUGIN_ARCH=amd64
ARG PULUMI_SHA256
ARG AWS_PLUGIN_SHA256
WORKDIR /pulumi
RUN : "${PULUMI_SHA256:?is needed: npm run checksums prints it}" \
 && curl -fsSL --retry 3 -o cli.tar.gz "https://get.pulumi.com/releases/sdk/pulumi-v${PULUMI_VERSION}-linux-${PULUMI_ARCH}.tar.gz" \
 && echo "${PULUMI_SHA256}  cli.tar.gz" | sha256sum --check --strict - \
 && mkdir -p cli/bin \
 && tar -xzf cli.tar.gz -C cli/bin --strip-components=1 pulumi/pulumi \
 && rm cli.tar.gz
RUN : "${AWS_PLUGIN_SHA256:?is needed: npm run checksums prints it}" \
 && curl -fsSL --retry 3 -o plugin.tar.gz "https://get.pulumi.com/releases/plugins/pulumi-resource-aws-v${AWS_PLUGIN_VERSION}-linux-${AWS_PLUGIN_ARCH}.tar.gz" \
 && echo "${AWS_PLUGIN_SHA256}  plugin.tar.gz" | sha256sum --check --strict - \
 && mkdir -p "plugins/resource-aws-v${AWS_PLUGIN_VERSION}" \
 && tar -xzf plugin.tar.gz -C "plugins/resource-aws-v${AWS_PLUGIN_VERSION}" pulumi-resource-aws \
 && rm plugin.tar.gz
# What was just checked is what the service insists on at every start.
RUN printf 'cli %s\nplugin %s\n' "$(sha256sum < cli/bin/pulumi | cut -d ' ' -f 1)" \
    "$(sha256sum < "plugins/resource-aws-v${AWS_PLUGIN_VERSION}/pulumi-resource-aws" | cut -d ' ' -f 1)" > digests

FROM node:${NODE_VERSION}-bookworm-slim AS application
WORKDIR /app
COPY package.json package-lock.json .npmrc tsconfig.json tsconfig.build.json Pulumi.yaml ./
RUN npm ci --ignore-scripts
COPY src ./src
COPY stacks ./stacks
COPY programs ./programs
RUN npm run build \
 && npm ci --omit=dev --omit=optional --ignore-scripts

FROM node:${NODE_VERSION}-bookworm-slim
# tini buries the orphans of killed updates; the CLI and the plugin need the certificates.
# Debian's stable keeps one version of each, and a pin would break with each of its corrections.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates tini \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=pulumi /pulumi /opt/pulumi
COPY --from=application /app/package.json /app/Pulumi.yaml ./
COPY --from=application /app/node_modules ./node_modules
COPY --from=application /app/dist ./dist
COPY --chmod=755 container/start /usr/local/bin/drawbridge
COPY container/healthy.mjs /usr/local/lib/drawbridge/healthy.mjs
RUN install -d -o 1000 -g 1000 -m 0700 /data
ENV NODE_ENV=production \
    DRAWBRIDGE_HOST=0.0.0.0 \
    DRAWBRIDGE_PORT=8080 \
    DRAWBRIDGE_DATA_DIR=/data \
    PULUMI_CLI_ROOT=/opt/pulumi/cli \
    PULUMI_HOME=/data/pulumi-home
USER 1000:1000
# all that is written; everything else may be read-only
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
  CMD ["node", "/usr/local/lib/drawbridge/healthy.mjs"]
ENTRYPOINT ["tini", "--", "drawbridge"]
