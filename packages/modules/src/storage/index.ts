// @bk/modules/storage: where the bytes of icons and files are kept.

export { type ByteRange, type ObjectStorage, rowObjects, type RowObjects, type StoredFile } from "./object-storage.js";
export { folderStorage } from "./folder-storage.js";
export { s3Storage, type S3StorageOptions } from "./s3-storage.js";
