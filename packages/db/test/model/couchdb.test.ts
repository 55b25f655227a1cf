import { fixture } from "../../src/drivers/couchdb/fixture.js";
import { testModel } from "./test-model.js";

testModel(fixture, 4);
