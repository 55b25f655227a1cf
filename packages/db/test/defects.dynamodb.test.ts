import { fixture } from "../src/drivers/dynamodb/fixture.js";
import { testDefects } from "./defects/test-defects.js";

testDefects(fixture);
