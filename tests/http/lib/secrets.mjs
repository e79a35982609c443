// SPDX-License-Identifier: MIT
// tests/http/lib/secrets.mjs - every secret that the tests meet, and every
// text in which none may stand (K4).
const secrets = new Map(); // value -> kind
const texts = [];          // { name, read }

export function secret(kind, value)
{
    if (typeof value === 'string' && value.length >= 6)
        secrets.set(value, kind);
    return value;
}

// read() gives the text when the tests are over.
export function mustHoldNone(name, read)
{
    texts.push({ name, read });
}

// A passcode is short: only where no digits stand beside it.
function holds(text, value)
{
    let at = text.indexOf(value);
    while (at >= 0) {
        if (!/^\d+$/.test(value) ||
            (!/\d/.test(text[at - 1] ?? '') &&
             !/\d/.test(text[at + value.length] ?? '')))
            return true;
        at = text.indexOf(value, at + 1);
    }
    return false;
}

export function leaks()
{
    const found = [];
    for (const { name, read } of texts) {
        const text = read();
        for (const [value, kind] of secrets)
            if (holds(text, value)) {
                const line = text.split('\n')
                    .find((one) => one.includes(value)) ?? '';
                found.push(`${name} tells a ${kind}: ${line.slice(0, 300)}`);
            }
    }
    return found;
}

export const secretCount = () => secrets.size;
