// SPDX-License-Identifier: MIT
// tests/http/lib/events.mjs - a stream of events, as any client reads it.
//
//     const stream = await openStream(`${d.local}/path`, { body });
//     const { data } = await stream.next();
//     await stream.ended;           // 'end', or 'cut'
import http from 'node:http';

import { until } from './daemon.mjs';
import { atEnd } from './tap.mjs';

function readBlock(block)
{
    const fields = { event: 'message' };
    for (const line of block.split('\n')) {
        const [, name, value] = /^([^:]*): ?(.*)$/.exec(line) ?? [];
        if (name === 'data')
            fields.data = JSON.parse(value);
        else if (name)
            fields[name] = value;
        else
            fields.comment = value;
    }
    return fields;
}

export class Stream {
    constructor(call, response)
    {
        this.call = call;
        this.status = response.statusCode;
        this.headers = response.headers;
        this.blocks = []; // that nobody took yet
        this.text = '';   // of all
        this.rest = '';
        response.setEncoding('utf8');
        response.on('data', (text) => this.take(text));
        this.ended = new Promise((done) => {
            response.on('end', () => done('end'));
            response.on('error', () => done('cut'));
        });
    }

    take(text)
    {
        this.text += text;
        const blocks = (this.rest + text).split('\n\n');
        this.rest = blocks.pop();
        this.blocks.push(...blocks.map(readBlock));
    }

    get events()
    {
        return this.blocks.filter((one) => one.data);
    }

    get beats()
    {
        return this.blocks.filter((one) => 'comment' in one);
    }

    // The oldest event that nobody took.
    async next(what = 'an event')
    {
        const event = await until(what, () => this.events[0]);
        this.blocks.splice(this.blocks.indexOf(event), 1);
        return event;
    }

    close()
    {
        this.call.destroy();
    }
}

// options: method, headers, body (JSON), agent.  Gives the stream when its
// headers are here, whatever they are.
export function openStream(url, { method = 'POST', headers = {}, body,
                                  agent = false } = {})
{
    return new Promise((done, fail) => {
        const call = http.request(url, { method, agent, headers: {
            'Accept': 'text/event-stream',
            'Content-Type': 'application/json', ...headers } });
        atEnd(() => call.destroy());
        call.on('error', fail);
        call.on('response', (response) => done(new Stream(call, response)));
        call.end(body === undefined ? undefined : JSON.stringify(body));
    });
}
