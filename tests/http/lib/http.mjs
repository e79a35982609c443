// SPDX-License-Identifier: MIT
// tests/http/lib/http.mjs - requests, with nothing added and nothing hidden.
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';

import { secret } from './secrets.mjs';

// What a browser keeps, as far as a host of one name needs it.
export class Jar {
    constructor(cookies = {})
    {
        this.cookies = { ...cookies };
        this.attributes = {}; // of the newest Set-Cookie of a name
        this.history = [];
    }

    take(setCookies = [])
    {
        for (const line of setCookies) {
            const [pair, ...attributes] = line.split(';').map((s) => s.trim());
            const at = pair.indexOf('=');
            const name = pair.slice(0, at), value = pair.slice(at + 1);
            this.cookies[name] = value;
            this.attributes[name] = attributes;
            this.history.push(line);
            secret(`cookie ${name}`, value);
        }
    }

    get header()
    {
        return Object.entries(this.cookies)
            .map(([name, value]) => `${name}=${value}`).join('; ');
    }

    copy()
    {
        return new Jar(this.cookies);
    }
}

function noteSecrets(json)
{
    if (!json || typeof json !== 'object')
        return;
    secret('code', json.authorizeResponse?.code);
    secret('access token', json.access_token);
    secret('ID token', json.id_token);
    secret('cookieless state', json._pf_authn_api_state);
}

function replyOf(response, chunks)
{
    const text = Buffer.concat(chunks).toString('utf8');
    let json;
    try {
        json = JSON.parse(text);
    } catch {
        json = undefined;
    }
    noteSecrets(json);
    const location = response.headers.location;
    const code = /[?&]code=([^&]+)/.exec(location ?? '');
    if (code)
        secret('code', decodeURIComponent(code[1]));
    return { status: response.statusCode, headers: response.headers,
             rawHeaders: response.rawHeaders, location, text, json };
}

// options: headers, body (text or Buffer), jar, agent, socketPath, timeout,
// localAddress; ca, of https.  A redirect is an answer like any other.
export function request(method, url, options = {})
{
    const { headers = {}, body, jar, agent = false, timeout = 20000 } = options;
    const sent = { ...headers };
    const at = /^(https?):\/\/([^/]*?)(?::(\d+))?(\/.*)?$/.exec(url);
    if (jar && jar.header && !('Cookie' in sent))
        sent.Cookie = jar.header;
    if (body !== undefined && !('Content-Length' in sent) &&
        !('Transfer-Encoding' in sent))
        sent['Content-Length'] = Buffer.byteLength(body);
    return new Promise((resolve, reject) => {
        const { request: begin } = at[1] === 'https' ? https : http;
        const call = begin({
            method, agent, timeout, headers: sent, ca: options.ca,
            host: at[2], port: at[3], path: at[4] ?? '/',
            socketPath: options.socketPath,
            localAddress: options.localAddress,
        }, (response) => {
            const chunks = [];
            response.on('data', (chunk) => chunks.push(chunk));
            response.on('error', reject);
            response.on('end', () => {
                jar?.take(response.headers['set-cookie']);
                resolve(replyOf(response, chunks));
            });
        });
        options.onCall?.(call);
        call.on('timeout', () => call.destroy(
            new Error(`${method} ${url}: no answer in ${timeout} ms`)));
        call.on('error', (error) => reject(
            new Error(`${method} ${url}: ${error.message}`, { cause: error })));
        call.end(body);
    });
}

export const form = (values) => new URLSearchParams(
    Object.entries(values).filter(([, value]) => value !== undefined))
    .toString();

// Bytes as they are.  Resolves when the other side closes, or when `until`
// (a function of the text so far) is satisfied.
export function raw(port, bytes, { until, timeout = 5000, host = '127.0.0.1',
                                   allowHalfOpen = false } = {})
{
    return new Promise((resolve, reject) => {
        const socket = net.connect({ port, host, allowHalfOpen });
        let text = '', done = false;
        const finish = (closed) => {
            if (done)
                return;
            done = true;
            clearTimeout(timer);
            socket.destroy();
            const status = /^HTTP\/1\.[01] (\d{3})/.exec(text);
            const cut = text.indexOf('\r\n\r\n');
            const body = cut < 0 ? '' : text.slice(cut + 4);
            let json;
            try {
                json = JSON.parse(body);
            } catch {
                json = undefined;
            }
            resolve({ text, status: status ? Number(status[1]) : 0, closed,
                      head: cut < 0 ? text : text.slice(0, cut), body, json });
        };
        const timer = setTimeout(() => finish(false), timeout);
        socket.on('connect', async () => {
            for (const part of Array.isArray(bytes) ? bytes : [bytes]) {
                if (typeof part === 'number')
                    await new Promise((r) => setTimeout(r, part));
                else if (!socket.destroyed)
                    socket.write(Buffer.from(part, 'latin1'));
            }
        });
        socket.on('data', (data) => {
            text += data.toString('latin1');
            if (until?.(text))
                finish(false);
        });
        socket.on('error', (error) => {
            if (error.code === 'ECONNREFUSED')
                reject(error);
            else
                finish(true);
        });
        socket.on('close', () => finish(true));
        socket.on('end', () => finish(true));
    });
}
