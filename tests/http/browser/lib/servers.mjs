// SPDX-License-Identifier: MIT
// tests/http/browser/lib/servers.mjs - an application's web server: pages that
// the daemon does not serve, and a reverse proxy before it.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { freePort } from '../../lib/daemon.mjs';
import { atEnd } from '../../lib/tap.mjs';

const require = createRequire(import.meta.url);
const widget = dirname(require.resolve('@ping-identity/pf-authn-js-widget'));

// window.wanted (see Tab.prepare): base, redirectless, and options of the
// widget. The widget has no page for OTP_VERIFIED: authn F.5-3.
const application = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Application</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/main-styles.css">
<script src="/pf.authn-widget.js"></script></head>
<body><div id="authnwidget"></div><script>
const { base, redirectless, ...options } = window.wanted;
const widget = new PfAuthnWidget(base, { divId: 'authnwidget', logo: 'data:,',
                                         ...options });
widget.stateTemplates.set('otp_verified', () => '<div id="ov"></div>');
widget.addPostRenderCallback('OTP_VERIFIED', widget.postContinueAuthentication);
if (redirectless)
    widget.initRedirectless({ ...redirectless,
        onAuthorizationSuccess: (result) => { window.result = result; },
        onAuthorizationFailed: (state) => { window.failed = state; } });
else
    widget.init();
</script></body></html>`;

const landing = `<!doctype html><html lang="en"><head><meta charset="utf-8">
<title>Back</title><link rel="icon" href="data:,"></head>
<body><h1>Back at the application</h1></body></html>`;

const files = {
    '/app': ['text/html', application],
    '/cb': ['text/html', landing],
    '/pf.authn-widget.js': ['text/javascript',
                            readFileSync(join(widget, 'pf.authn-widget.js'))],
    '/main-styles.css': ['text/css',
                         readFileSync(join(widget, 'main-styles.css'))],
};

function forward(request, response, port)
{
    const call = http.request({
        host: '127.0.0.1', port, method: request.method, path: request.url,
        headers: request.headers,
    }, (reply) => {
        response.writeHead(reply.statusCode, reply.rawHeaders);
        reply.pipe(response);
    });
    call.on('error', () => response.writeHead(502).end());
    request.pipe(call);
}

// { port, behind }: set behind to a daemon's port, and what is no file goes
// there.
export async function applicationServer()
{
    const own = { port: await freePort(), behind: null };
    const server = http.createServer((request, response) => {
        const [type, body] = files[request.url.split('?')[0]] ?? [];
        if (body)
            response.writeHead(200, { 'Content-Type': `${type};charset=utf-8` })
                .end(body);
        else if (own.behind)
            forward(request, response, own.behind);
        else
            response.writeHead(404).end();
    });
    await new Promise((done, fail) => {
        server.once('error', fail);
        server.listen(own.port, '127.0.0.1', done);
    });
    atEnd(() => new Promise((done) => {
        server.close(done);
        server.closeAllConnections();
    }));
    return own;
}
