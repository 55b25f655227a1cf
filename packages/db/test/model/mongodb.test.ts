import { fixture } from "../../src/drivers/mongodb/fixture.js";
import { testModel } from "./test-model.js";

// A set does more: it has the whole number of steps.
testModel(fixture, 1, 5000);
