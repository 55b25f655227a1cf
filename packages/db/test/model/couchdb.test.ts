import { fixture } from "../../src/drivers/couchdb/fixture.js";
import { testModel } from "./test-model.js";

// Each step is a request or several to a server in JavaScript: 20,000 take five minutes.
testModel(fixture, 4, 5000);
