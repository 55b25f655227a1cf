// A server that speaks MongoDB's protocol, for the tests: mongo-java-server, and what MongoDB does besides or otherwise as far
// as the driver meets it. Arguments: port, and a file that writes are kept in over a kill (absent: memory alone).

import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.MongoCollection;
import de.bwaldvogel.mongo.backend.CursorRegistry;
import de.bwaldvogel.mongo.backend.Index;
import de.bwaldvogel.mongo.backend.IndexKey;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.backend.memory.MemoryDatabase;
import de.bwaldvogel.mongo.backend.memory.index.MemoryUniqueIndex;
import de.bwaldvogel.mongo.bson.BinData;
import de.bwaldvogel.mongo.bson.BsonRegularExpression;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.exception.MongoServerError;
import de.bwaldvogel.mongo.wire.bson.BsonDecoder;
import de.bwaldvogel.mongo.wire.bson.BsonEncoder;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.embedded.EmbeddedChannel;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;

public class Server extends MemoryBackend {
  private static final int MAX_DOCUMENT = 16 * 1024 * 1024;
  private static final Set<String> WRITES =
      Set.of("insert", "update", "delete", "findAndModify", "create", "createIndexes", "drop", "dropIndexes", "dropDatabase");

  /** For commands that no client sent. */
  static final Channel itself = new EmbeddedChannel();

  private final FileOutputStream journal;
  private final Transactions transactions;
  /** Whether the set's one member has stepped down, and takes no writes until it is told that it may stand for election. */
  private volatile boolean isSecondary = false;

  Server(boolean isSet, String file) throws IOException {
    // Clients of today ask for this version of the protocol at least.
    version(new MongoVersion() {
      public List<Integer> getVersionArray() { return List.of(4, 4, 0); }
      public int getWireVersion() { return 9; }
    });
    transactions = isSet ? new Transactions(this) : null;
    if (file != null) replay(Path.of(file));
    journal = file == null ? null : new FileOutputStream(file, true);
  }

  public static void main(String[] arguments) throws IOException {
    MongoServer server = new MongoServer(new Server(arguments[1].equals("set"), arguments.length > 2 ? arguments[2] : null));
    // A thread for each connection: a write may wait until a transaction of another one has ended.
    server.bind(new InetSocketAddress("127.0.0.1", Integer.parseInt(arguments[0])), 1, 500);
    Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow));
  }

  @Override
  public Document handleMessage(MongoMessage message) {
    Document command = message.getDocument();
    String name = command.keySet().iterator().next();
    if (transactions != null && (name.equals("replSetStepDown") || name.equals("replSetFreeze"))) {
      isSecondary = name.equals("replSetStepDown");
      return new Document("ok", 1.0);
    }
    if (isSecondary && (WRITES.contains(name) || command.containsKey("autocommit")))
      throw new MongoServerError(10107, "NotWritablePrimary", "not primary");
    if (transactions != null && Boolean.FALSE.equals(command.get("autocommit"))) {
      synchronized (this) {
        return outward(transactions.run(name, inward(command)));
      }
    }
    if (name.equals("find")) return outward(find(message.getChannel(), command));
    // MongoDB ends a batch where its documents take 16 MB together.
    if (name.equals("getMore")) command.putIfAbsent("batchSize", 8);
    if (!WRITES.contains(name)) return outward(run(message.getChannel(), name, command));
    refuseLargeDocuments(command, message.getHeader().getTotalLength());
    synchronized (this) {
      if (transactions != null) transactions.beforeWrite(name, inward(command));
      return outward(runWrite(message.getChannel(), name, command));
    }
  }

  static boolean isWrite(String name) {
    return WRITES.contains(name);
  }

  private Document run(Channel channel, String name, Document command) {
    return handleCommand(channel, (String) command.get("$db"), name, inward(command));
  }

  // The reply is an answer to what is in a file of the operating system: a kill loses none of it.
  private Document runWrite(Channel channel, String name, Document command) {
    Document reply = run(channel, name, command);
    if (journal != null) write(command);
    return reply;
  }

  /** Carries out a write of a transaction, whose texts are in the server's form already. */
  Document apply(Document command) {
    return runWrite(itself, command.keySet().iterator().next(), outward(command));
  }

  private Document find(Channel channel, Document command) {
    Document reply = run(channel, "find", command);
    List<?> batch = (List<?>) ((Document) reply.get("cursor")).get("firstBatch");
    long size = 0;
    int count = 0;
    for (Object document : batch) {
      size += sizeOf(document);
      if (size > MAX_DOCUMENT && count > 0) return run(channel, "find", command.clone().append("batchSize", count));
      count++;
    }
    return reply;
  }

  /** About what a value takes in a message. */
  private static long sizeOf(Object value) {
    if (value instanceof String) return ((String) value).length();
    if (value instanceof BinData) return ((BinData) value).getData().length;
    long size = 16;
    if (value instanceof Document) for (Object member : ((Document) value).values()) size += sizeOf(member);
    if (value instanceof Collection) for (Object element : (Collection<?>) value) size += sizeOf(element);
    return size;
  }

  @Override
  public Document handleCommand(Channel channel, String database, String command, Document query) {
    switch (command) {
      case "hello":
      case "isMaster":
      case "ismaster":
        return asMember(super.handleCommand(channel, database, "ismaster", query), channel);
      case "saslStart":
        throw new MongoServerError(18, "AuthenticationFailed", "Authentication failed.");
      case "listIndexes":
        if (resolveDatabase(database).resolveCollection((String) query.get(command), false) == null)
          throw new MongoServerError(26, "NamespaceNotFound", "ns does not exist: " + database + "." + query.get(command));
        return super.handleCommand(channel, database, command, query);
      case "createIndexes":
        for (Document index : (Collection<Document>) query.get("indexes")) checkIndex(database, (String) query.get(command), index);
        return super.handleCommand(channel, database, command, query);
      default:
        return super.handleCommand(channel, database, command, query);
    }
  }

  private Document asMember(Document hello, Channel channel) {
    hello.append("isWritablePrimary", !isSecondary).append("ismaster", !isSecondary);
    if (transactions == null) return hello;
    String address = "127.0.0.1:" + ((InetSocketAddress) channel.localAddress()).getPort();
    return hello
        .append("setName", "rs")
        .append("setVersion", 1)
        .append("secondary", isSecondary)
        .append("hosts", List.of(address))
        .append("me", address)
        .append("logicalSessionTimeoutMinutes", 30);
  }

  // Without a limit of its own the server would keep what MongoDB refuses.
  private static void refuseLargeDocuments(Document command, int length) {
    if (length <= MAX_DOCUMENT) return;
    List<Object> documents = new ArrayList<>((Collection<?>) command.getOrDefault("documents", List.of()));
    for (Document update : (Collection<Document>) command.getOrDefault("updates", List.of())) documents.add(update.get("u"));
    if (command.get("update") instanceof Document) documents.add(command.get("update"));
    for (Object document : documents) {
      ByteBuf buffer = Unpooled.buffer();
      BsonEncoder.encodeDocument((Document) document, buffer);
      if (buffer.readableBytes() > MAX_DOCUMENT)
        throw new MongoServerError(10334, "BSONObjectTooLarge", "BSONObj size: " + buffer.readableBytes() + " is invalid. Size must be between 0 and 16793600(16MB)");
    }
  }

  private void checkIndex(String database, String collection, Document index) {
    // The server has no partial indexes; this makes an index one that leaves out documents without all of its fields.
    if (index.containsKey("partialFilterExpression")) index.put("sparse", true);
    if (resolveDatabase(database).resolveCollection(collection, false) == null) return;
    Document known = super.handleCommand(itself, database, "listIndexes", new Document("listIndexes", collection));
    for (Document other : (Collection<Document>) ((Document) known.get("cursor")).get("firstBatch")) {
      boolean isNamed = other.get("name").equals(index.get("name"));
      boolean isSame = other.get("key").equals(index.get("key")) && isUnique(other) == isUnique(index);
      if (isNamed && !isSame)
        throw new MongoServerError(86, "IndexKeySpecsConflict", "An existing index has the same name as the requested index.");
      if (isSame && !isNamed)
        throw new MongoServerError(85, "IndexOptionsConflict", "Index already exists with a different name: " + other.get("name"));
    }
  }

  private static boolean isUnique(Document index) {
    return Boolean.TRUE.equals(index.get("unique"));
  }

  @Override
  public MemoryDatabase openOrCreateDatabase(String name) {
    return new Database(name, getCursorRegistry());
  }

  private static class Database extends MemoryDatabase {
    Database(String name, CursorRegistry cursors) {
      super(name, cursors);
    }

    @Override
    protected Index<Integer> openOrCreateUniqueIndex(String collection, String name, List<IndexKey> keys, boolean sparse) {
      return sparse ? new PartialIndex(name, keys) : super.openOrCreateUniqueIndex(collection, name, keys, false);
    }
  }

  /** A unique index of the documents that have all of its fields. */
  private static class PartialIndex extends MemoryUniqueIndex {
    PartialIndex(String name, List<IndexKey> keys) {
      super(name, keys, true);
    }

    private boolean leavesOut(Document document) {
      return keys().stream().anyMatch(key -> !document.containsKey(key));
    }

    @Override
    public synchronized void checkAdd(Document document, MongoCollection<Integer> collection) {
      if (!leavesOut(document)) super.checkAdd(document, collection);
    }

    @Override
    public synchronized void add(Document document, Integer position, MongoCollection<Integer> collection) {
      if (!leavesOut(document)) super.add(document, position, collection);
    }

    @Override
    public synchronized Integer remove(Document document) {
      return leavesOut(document) ? null : super.remove(document);
    }

    @Override
    public synchronized void checkUpdate(Document old, Document changed, MongoCollection<Integer> collection) {
      if (leavesOut(changed)) return;
      if (leavesOut(old)) super.checkAdd(changed, collection);
      else super.checkUpdate(old, changed, collection);
    }

    @Override
    public void updateInPlace(Document old, Document changed, Integer position, MongoCollection<Integer> collection) {
      remove(old);
      add(changed, position, collection);
    }

    @Override
    public synchronized boolean canHandle(Document query) {
      return false;
    }
  }

  private void write(Document command) {
    ByteBuf buffer = Unpooled.buffer();
    BsonEncoder.encodeDocument(command, buffer);
    byte[] bytes = new byte[buffer.readableBytes()];
    buffer.readBytes(bytes);
    try {
      journal.write(bytes);
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  private void replay(Path file) throws IOException {
    if (!Files.exists(file)) return;
    ByteBuf buffer = Unpooled.wrappedBuffer(Files.readAllBytes(file));
    int kept = 0;
    // A write that a kill has cut short was not acknowledged.
    while (buffer.readableBytes() >= 4 && buffer.readableBytes() >= buffer.getIntLE(buffer.readerIndex())) {
      Document command = BsonDecoder.decodeBson(buffer);
      kept = buffer.readerIndex();
      try {
        run(itself, command.keySet().iterator().next(), command);
      } catch (MongoServerError error) {
        // It was refused then as well.
      }
    }
    try (FileOutputStream out = new FileOutputStream(file.toFile(), true)) {
      out.getChannel().truncate(kept);
    }
  }

  // The server compares texts by UTF-16 units, MongoDB by code points. So units change places on the way in, and back on the
  // way out: surrogates go behind all other units, in their order.

  private static Document inward(Document document) {
    return (Document) changed(document, unit -> unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800);
  }

  /** A document that shares nothing with this one. */
  static Document copied(Document document) {
    return (Document) changed(document, unit -> unit);
  }

  private static Document outward(Document document) {
    return (Document) changed(document, unit -> unit < 0xd800 ? unit : unit >= 0xf800 ? unit - 0x2000 : unit + 0x800);
  }

  private static Object changed(Object value, UnaryOperator<Integer> unitOf) {
    if (value instanceof String) return changedText((String) value, unitOf);
    if (value instanceof Document) {
      Document copy = new Document();
      for (Map.Entry<String, Object> entry : ((Document) value).entrySet()) {
        Object member = changed(entry.getValue(), unitOf);
        copy.put(entry.getKey(), entry.getKey().equals("$regex") ? anyCodePoint((String) member) : member);
      }
      return copy;
    }
    if (value instanceof Collection) {
      List<Object> copy = new ArrayList<>();
      for (Object element : (Collection<?>) value) copy.add(changed(element, unitOf));
      return copy;
    }
    if (value instanceof BsonRegularExpression) {
      BsonRegularExpression pattern = (BsonRegularExpression) value;
      return new BsonRegularExpression(changedText(pattern.getPattern(), unitOf), pattern.getOptions());
    }
    return value;
  }

  // A character of two units is one to MongoDB.
  private static String anyCodePoint(String pattern) {
    StringBuilder copy = new StringBuilder();
    for (int at = 0; at < pattern.length(); at++) {
      char unit = pattern.charAt(at);
      boolean isRun = at + 1 < pattern.length() && pattern.charAt(at + 1) == '*';
      if (unit == '.' && !isRun) copy.append("(?:[\uf800-\ufbff][\ufc00-\uffff]|[^\uf800-\uffff])");
      else copy.append(unit);
      if (unit == '\\' && ++at < pattern.length()) copy.append(pattern.charAt(at));
    }
    return copy.toString();
  }

  private static String changedText(String text, UnaryOperator<Integer> unitOf) {
    if (text.chars().allMatch(unit -> unit < 0xd800)) return text;
    StringBuilder copy = new StringBuilder(text.length());
    text.chars().forEach(unit -> copy.append((char) (int) unitOf.apply(unit)));
    return copy.toString();
  }
}
