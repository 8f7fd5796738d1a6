// For HEALTHCHECK: exit code 0 when the app in this container says that it is ready.
const port = process.env.OPS_PORT || process.env.PORT;
const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
process.exit(answer?.ok ? 0 : 1);
