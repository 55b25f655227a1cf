import { fixture } from "../src/drivers/dynamodb/fixture.js";
import { testDefects } from "./defects.js";

testDefects(fixture);
