// Transactions as MongoDB has them, for the tests: each on a copy of its database as it was when it began. Of two that write one document the
// later one is refused at once; a write outside of transactions waits. Whatever is refused inside ends the transaction.

import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.exception.MongoServerError;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Used by one thread at a time: the server's monitor is held. */
class Transactions {
  private static final long MOST_WAITING_MS = 20_000;

  private final Server server;
  private final Map<String, Transaction> open = new HashMap<>();
  /** Transactions that took effect: a commit may be sent again. */
  private final Set<String> committed = new HashSet<>();
  /** When a document was written last, while there were transactions. */
  private final Map<Target, Long> written = new HashMap<>();
  private long writes = 0;

  Transactions(Server server) {
    this.server = server;
  }

  private static class Transaction {
    final Server copy;
    final String database;
    final long begun;
    /** What it has written. */
    final Map<Target, Object> targets = new LinkedHashMap<>();

    Transaction(Server copy, String database, long begun) {
      this.copy = copy;
      this.database = database;
      this.begun = begun;
    }
  }

  /** A document of a collection, by the text of its id. */
  private record Target(String database, String collection, String id) {}

  Document run(String name, Document command) {
    String id = command.get("lsid") + " " + command.get("txnNumber");
    String database = (String) command.get("$db");
    if (Boolean.TRUE.equals(command.get("startTransaction"))) open.put(id, new Transaction(copyOf(database), database, writes));
    Transaction transaction = open.get(id);
    if (name.equals("commitTransaction") && committed.contains(id)) return new Document("ok", 1.0);
    if (transaction == null) return refused(251, "NoSuchTransaction", "Given transaction number does not match any in-progress transactions.");
    if (name.equals("abortTransaction")) return end(id, new Document("ok", 1.0));
    if (name.equals("commitTransaction")) return commit(id, transaction);
    try {
      if (Server.isWrite(name)) {
        for (Map.Entry<Target, Object> target : targetsOf(transaction.copy, name, command).entrySet()) {
          if (isTaken(transaction, target.getKey())) return end(id, refused(112, "WriteConflict", "Write conflict during plan execution."));
          transaction.targets.put(target.getKey(), target.getValue());
        }
      }
      Document reply = transaction.copy.handleCommand(Server.itself, database, name, command);
      return reply.containsKey("writeErrors") ? end(id, reply) : reply;
    } catch (RuntimeException error) {
      end(id, null);
      throw error;
    }
  }

  private boolean isTaken(Transaction transaction, Target target) {
    if (written.getOrDefault(target, -1L) > transaction.begun) return true;
    return open.values().stream().anyMatch(other -> other != transaction && other.targets.containsKey(target));
  }

  /** Lets a write outside of transactions wait until no transaction holds what it writes. */
  void beforeWrite(String name, Document command) {
    long deadline = System.currentTimeMillis() + MOST_WAITING_MS;
    while (!open.isEmpty()) {
      Set<Target> targets = targetsOf(server, name, command).keySet();
      if (open.values().stream().noneMatch(transaction -> targets.stream().anyMatch(transaction.targets::containsKey))) {
        writes++;
        for (Target target : targets) written.put(target, writes);
        return;
      }
      long left = deadline - System.currentTimeMillis();
      if (left <= 0) throw new MongoServerError(50, "MaxTimeMSExpired", "a transaction holds what is to be written");
      try {
        server.wait(left);
      } catch (InterruptedException error) {
        throw new IllegalStateException(error);
      }
    }
  }

  private Document commit(String id, Transaction transaction) {
    Map<Target, Document> before = new LinkedHashMap<>();
    Map<Target, Document> after = new LinkedHashMap<>();
    for (Map.Entry<Target, Object> target : transaction.targets.entrySet()) {
      before.put(target.getKey(), read(server, target.getKey(), target.getValue()));
      after.put(target.getKey(), read(transaction.copy, target.getKey(), target.getValue()));
    }
    if (!replace(transaction, after)) {
      replace(transaction, before);
      return end(id, refused(112, "WriteConflict", "Write conflict during commit."));
    }
    writes++;
    for (Target target : after.keySet()) written.put(target, writes);
    committed.add(id);
    return end(id, new Document("ok", 1.0));
  }

  /** All old documents go first, so that a unique value may pass from one to another. False when a value is taken. */
  private boolean replace(Transaction transaction, Map<Target, Document> documents) {
    for (Target target : documents.keySet())
      server.apply(
          command(target, "delete").append("deletes", List.of(new Document("q", new Document("_id", transaction.targets.get(target))).append("limit", 1))));
    for (Map.Entry<Target, Document> document : documents.entrySet()) {
      if (document.getValue() == null) continue;
      Document insert = command(document.getKey(), "insert").append("documents", new ArrayList<>(List.of(document.getValue())));
      if (server.apply(insert).containsKey("writeErrors")) return false;
    }
    return true;
  }

  private static Document command(Target target, String name) {
    return new Document(name, target.collection()).append("$db", target.database());
  }

  private Document end(String id, Document reply) {
    open.remove(id);
    if (open.isEmpty()) written.clear();
    server.notifyAll();
    return reply;
  }

  private static Document refused(int code, String name, String message) {
    return new Document("ok", 0.0)
        .append("errmsg", message)
        .append("code", code)
        .append("codeName", name)
        .append("errorLabels", List.of("TransientTransactionError"));
  }

  /** The documents that a command writes, with their ids. */
  private static Map<Target, Object> targetsOf(Server server, String name, Document command) {
    Map<Target, Object> targets = new LinkedHashMap<>();
    String database = (String) command.get("$db");
    String collection = String.valueOf(command.get(name));
    List<Document> filters = new ArrayList<>();
    for (Document update : documentsIn(command, "updates")) {
      filters.add((Document) update.get("q"));
      add(targets, database, collection, ((Document) update.get("q")).get("_id"));
      // What an update makes has its own id, or that of the filter.
      add(targets, database, collection, ((Document) update.get("u")).get("_id"));
    }
    for (Document delete : documentsIn(command, "deletes")) filters.add((Document) delete.get("q"));
    if (command.get("query") instanceof Document) {
      filters.add((Document) command.get("query"));
      add(targets, database, collection, ((Document) command.get("query")).get("_id"));
      if (command.get("update") instanceof Document) add(targets, database, collection, ((Document) command.get("update")).get("_id"));
    }
    for (Document document : documentsIn(command, "documents")) add(targets, database, collection, document.get("_id"));
    for (Document filter : filters)
      for (Document found : find(server, database, collection, filter)) add(targets, database, collection, found.get("_id"));
    return targets;
  }

  private static void add(Map<Target, Object> targets, String database, String collection, Object id) {
    boolean isExpression = id instanceof Document && ((Document) id).keySet().stream().anyMatch(key -> key.startsWith("$"));
    if (id != null && !isExpression) targets.put(new Target(database, collection, String.valueOf(id)), id);
  }

  private static Collection<Document> documentsIn(Document command, String name) {
    return (Collection<Document>) command.getOrDefault(name, List.of());
  }

  private static Document read(Server server, Target target, Object id) {
    for (Document found : find(server, target.database(), target.collection(), new Document("_id", id))) return Server.copied(found);
    return null;
  }

  private static Collection<Document> find(Server server, String database, String collection, Document filter) {
    Document find = new Document("find", collection).append("filter", filter);
    return batch(server.handleCommand(Server.itself, database, "find", find));
  }

  private static Collection<Document> batch(Document reply) {
    return (Collection<Document>) ((Document) reply.get("cursor")).get("firstBatch");
  }

  private Server copyOf(String database) {
    try {
      Server copy = new Server(false, null);
      for (Document collection : batch(server.handleCommand(Server.itself, database, "listCollections", new Document("listCollections", 1)))) {
        String name = (String) collection.get("name");
        copy.handleCommand(Server.itself, database, "create", new Document("create", name));
        List<Document> indexes = new ArrayList<>();
        for (Document index : batch(server.handleCommand(Server.itself, database, "listIndexes", new Document("listIndexes", name))))
          if (!index.get("name").equals("_id_")) indexes.add(Server.copied(index));
        if (!indexes.isEmpty())
          copy.handleCommand(Server.itself, database, "createIndexes", new Document("createIndexes", name).append("indexes", indexes));
        List<Document> documents = new ArrayList<>();
        for (Document document : find(server, database, name, new Document())) documents.add(Server.copied(document));
        copy.handleCommand(Server.itself, database, "insert", new Document("insert", name).append("documents", documents));
      }
      return copy;
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }
}
