import { fixture } from "../src/drivers/riak/fixture.js";
import { testDefects } from "./defects/test-defects.js";

testDefects(fixture);
