import { fixture } from "../../src/drivers/lmdb/fixture.js";
import { testModel } from "./test-model.js";

testModel(fixture);
