/**
 * Preloaded into the apps (NODE_OPTIONS=--require): gives the names in TEST_NAMES (JSON: name -> list of answers, each a list of addresses,
 * taken in turn) those addresses, as a hostile DNS server would, and appends each look-up to TEST_NAMES_LOG. Every other name is looked up
 * as ever. What the apps do with the answer is untouched.
 */
const dns = require('node:dns');
const { appendFileSync } = require('node:fs');

const names = JSON.parse(process.env.TEST_NAMES ?? '{}');
const asked = new Map();
const lookup = dns.lookup;

dns.lookup = (name, options, callback) => {
  const answers = names[name];
  if (!answers) return lookup(name, options, callback);
  const turn = asked.get(name) ?? 0;
  asked.set(name, turn + 1);
  const addresses = answers[turn % answers.length];
  appendFileSync(process.env.TEST_NAMES_LOG, `${name} ${addresses.join(' ')}\n`);
  const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  process.nextTick(() => (options.all ? callback(null, found) : callback(null, found[0].address, found[0].family)));
};
