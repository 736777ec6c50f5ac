// The contract's interfaces, inside a component. Its counterpart in Node is fake.js; package.json
// says which of the two `#host` is.

import * as clock from "narthex:plugin/clock@0.1.0";
import * as files from "narthex:plugin/files@0.1.0";
import * as http from "narthex:plugin/http@0.1.0";
import * as icmp from "narthex:plugin/icmp@0.1.0";
import * as kubernetes from "narthex:plugin/kubernetes@0.1.0";
import * as log from "narthex:plugin/log@0.1.0";
import * as names from "narthex:plugin/names@0.1.0";
import * as secrets from "narthex:plugin/secrets@0.1.0";
import * as state from "narthex:plugin/state@0.1.0";
import * as tcp from "narthex:plugin/tcp@0.1.0";
import * as udp from "narthex:plugin/udp@0.1.0";

export const host = {
  clock,
  files,
  http,
  icmp,
  kubernetes,
  log,
  names,
  secrets,
  state,
  tcp,
  udp,
};

/** Whether this is a component. */
export const inComponent = true;
