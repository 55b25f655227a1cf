import { setFixture } from "../../src/drivers/mongodb/fixture.js";
import { testModel } from "./test-model.js";

testModel(setFixture);
