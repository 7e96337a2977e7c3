/** The page at the base domain. It tells strangers nothing but that the platform runs and how clients reach it. */
export function landingPage(apiUrl: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Freehold</title>
<style>
  :root { color-scheme: light dark; }
  body { font: 1rem/1.6 system-ui, sans-serif; max-width: 42rem; margin: 12vh auto; padding: 0 1.5rem; }
  pre { padding: 1rem; overflow-x: auto; border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-radius: 6px; }
</style>
</head>
<body>
<h1>Freehold runs here.</h1>
<p>The API is at <code>${escapeHtml(apiUrl)}</code>. Point wrangler at it:</p>
<pre>export CLOUDFLARE_API_BASE_URL=${escapeHtml(apiUrl)}
export CLOUDFLARE_API_TOKEN=…
export CLOUDFLARE_ACCOUNT_ID=…
npx wrangler deploy</pre>
<p>On the machine that runs the platform, <code>freehold env</code> prints these lines with their values,
and <code>freehold token create</code> makes a token for someone else.</p>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
