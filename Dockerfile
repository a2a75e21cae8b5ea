FROM node:24.21.0-bookworm-slim AS base
WORKDIR /app

FROM base AS build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY src ./src
RUN npm run build

# A stage of its own: npm's cache stays behind in it.
FROM base AS dependencies
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --omit=dev

FROM base
# /state and /feed are the service's own: a new volume that is mounted there takes its owner from this folder.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends tini \
  && rm -rf /var/lib/apt/lists/* \
  && install --directory /workers \
  && install --directory --owner=node --group=node --mode=0700 /state \
  && install --directory --owner=node --group=node --mode=0700 /feed

COPY package.json package-lock.json ./
COPY openapi ./openapi
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist

# With this address the service starts only if a token is set as well, or PW_INSECURE=true: who may reach it is for
# whoever runs the image to decide.
ENV NODE_ENV=production \
  PW_HOST=0.0.0.0 \
  PW_WORKERS_DIR=/workers \
  PW_STATE_DIR=/state

# The user node, as a number: Kubernetes' runAsNonRoot cannot look up a name.
USER 1000:1000
EXPOSE 8080

# In Node, because the image has no curl. `--start-interval` would be nicer, but Docker has it only from 25 on.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PW_PORT || 8080) + '/livez').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]

# Node as process 1 would not reap what a killed group host leaves behind; tini does, and passes signals on.
# -s lets it do so below another init, too (`init: true` in compose, a pod that shares its process namespace).
ENTRYPOINT ["tini", "-s", "--", "node", "dist/server.js"]
