export { testDriver } from "./test-driver.js";
export type { DriverUnderTest, KnownDefect, TestStore } from "./suite.js";
