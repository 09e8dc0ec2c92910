// Control verbs: what they answer, and to whom.
#include "rpc/control.h"

#include <sys/wait.h>

#include "base/log.h"
#include "rpc/client.h"
#include "rpc/server.h"
#include "support/engine_fixture.h"
#include "support/temporary_directory.h"

namespace ciaos::test {
namespace {

using rpc::Answer;
using rpc::Question;
using rpc::Record;

class Control : public EngineTest {
 protected:
  Control() : EngineTest({.volume_bytes = 4u << 20}) {}
  void SetUp() override {
    EngineTest::SetUp();
    rpc::ServerOptions options{.path = directory.path() + "/socket", .stores = {"/the/store"}, .workers = 4};
    options.mountpoint = "/the/mount";
    options.daemon.mount = [] { return Record{"daemon", {}}.add("transport", std::string("rings")); };
    auto made = rpc::Server::listen(store.engine(), options);
    ASSERT_TRUE(made.ok()) << to_string(made.error());
    server = std::move(made).value();
    client = rpc::Client::connect(options.path, 30'000).value();
  }
  void TearDown() override {
    client.reset();
    server.reset();
  }
  Answer ask(const Question& question) {
    auto answer = client->ask(question);
    EXPECT_TRUE(answer.ok()) << question.name << ": " << to_string(answer.error());
    return answer.ok() ? *std::move(answer) : Answer();
  }
  const Record& of(const Answer& answer, std::string_view kind) {
    for (const Record& record : answer.records) {
      if (record.kind == kind) return record;
    }
    ADD_FAILURE() << "no record of " << kind;
    return none;
  }

  const Record none;
  TemporaryDirectory directory;
  std::unique_ptr<rpc::Server> server;
  std::unique_ptr<rpc::Client> client;
};

TEST_F(Control, StatusTellsOfTheStoreAndOfTheDaemon) {
  ASSERT_EQ(shell().put("/f", pattern(100'000)), 0);
  ASSERT_EQ(shell().fsync("/f"), 0);
  const Answer status = ask({.name = "status"});
  EXPECT_EQ(of(status, "health").text("state"), "ok");
  EXPECT_EQ(of(status, "space").number("inodes"), 2u);
  EXPECT_GE(of(status, "log").number("commits"), 1u);
  EXPECT_EQ(of(status, "store").truth("read_only"), false);
  EXPECT_EQ(of(status, "daemon").text("transport"), "rings");
  EXPECT_EQ(client->mountpoint(), "/the/mount");
  EXPECT_THAT(client->stores(), testing::ElementsAre("/the/store"));
}

TEST_F(Control, AFileIsFoundByPathAndByNumber) {
  ASSERT_EQ(shell().mkdir("/d"), 0);
  ASSERT_EQ(shell().put("/d/f", pattern(100'000)), 0);
  ASSERT_EQ(shell().fsync("/d/f"), 0);
  const Answer by_path = ask({.name = "info", .path = "/d/f"});
  const Answer by_number = ask({.name = "info", .inode = shell().inode("/d/f").value()});
  EXPECT_EQ(by_path.records, by_number.records);
  EXPECT_EQ(of(by_path, "inode").number("size"), 100'000u);
  EXPECT_EQ(of(by_path, "extent").number("length"), 100'000u);
  EXPECT_EQ(client->ask({.name = "info", .path = "/d/none"}).code(), ENOENT);
  EXPECT_EQ(client->ask({.name = "info", .path = "/d/../d/f"}).code(), EINVAL);
  EXPECT_EQ(client->ask({.name = "info", .inode = 999'999}).code(), ENOENT);
  ASSERT_EQ(shell().rm("/d/f"), 0);
  EXPECT_EQ(store->statfs().inodes, 2u) << "a question leaves no pin behind";
}

TEST_F(Control, ManyExtentsComeInPages) {
  ASSERT_EQ(shell().put("/f", ""), 0);
  for (std::uint64_t i = 0; i < 250; ++i) ASSERT_EQ(shell().write_at("/f", i * 8192, "x"), 0);
  ASSERT_EQ(shell().fsync("/f"), 0);
  Question question{.name = "info", .path = "/f"};
  std::size_t extents = 0;
  std::size_t pages = 0;
  for (bool more = true; more; ++pages) {
    const Answer answer = ask(question);
    for (const Record& record : answer.records) extents += record.kind == "extent" ? 1 : 0;
    more = answer.more;
    question.from = answer.next;
  }
  EXPECT_EQ(extents, 250u);
  EXPECT_EQ(pages, 3u);
}

TEST_F(Control, LimitsAreSetListedAndTakenAway) {
  ASSERT_EQ(shell().mkdir("/t"), 0);
  Question set{.name = "set-quota", .path = "/t"};
  set.arguments.add("bytes", std::uint64_t{1} << 20).add("files", std::uint64_t{7});
  ask(set);
  const Answer quotas = ask({.name = "quotas"});
  ASSERT_EQ(quotas.records.size(), 1u);
  EXPECT_EQ(quotas.records[0].text("path"), "/t");
  EXPECT_EQ(quotas.records[0].number("bytes_max"), 1u << 20);
  EXPECT_EQ(quotas.records[0].number("files_max"), 7u);
  Question none_any_more{.name = "set-quota", .path = "/t"};
  none_any_more.arguments.add("bytes", std::uint64_t{0}).add("files", std::uint64_t{0});
  ask(none_any_more);
  ask(none_any_more);
  EXPECT_TRUE(ask({.name = "quotas"}).records.empty());
}

TEST_F(Control, UpkeepIsDoneInStepsThatEnd) {
  for (int i = 0; i < 12; ++i) ASSERT_EQ(shell().put("/f" + std::to_string(i), pattern(900'000)), 0);
  while (ask({.name = "scrub"}).more) {
  }
  EXPECT_EQ(of(ask({.name = "status"}), "upkeep").number("scrub_rounds"), 1u);
  ask({.name = "snapshot"});
  EXPECT_GE(of(ask({.name = "status"}), "upkeep").number("snapshots_written"), 1u);
  for (int i = 0; i < 12; i += 2) ASSERT_EQ(shell().rm("/f" + std::to_string(i)), 0);
  for (int steps = 0; steps < 40 && ask({.name = "compact"}).more; ++steps) {
  }
  EXPECT_EQ(shell().cat("/f1"), pattern(900'000));
}

TEST_F(Control, TheLogsLevelCanBeTurned) {
  const LogLevel before = log_level();
  Question question{.name = "log-level"};
  question.arguments.add("level", std::string("error"));
  EXPECT_EQ(ask(question).text, "error");
  EXPECT_EQ(log_level(), LogLevel::error);
  question.arguments.fields.front().value = std::string("loud");
  EXPECT_EQ(client->ask(question).code(), EINVAL);
  set_log_level(before);
  EXPECT_EQ(ask({.name = "log-level"}).text, name_of(before));
}

TEST_F(Control, WhatIsNoQuestionIsRefused) {
  EXPECT_EQ(client->ask({.name = "how are you"}).code(), EOPNOTSUPP);
  EXPECT_EQ(client->ask({.name = ""}).code(), EOPNOTSUPP);
  Question needle{.name = "needle", .from = 0};
  needle.arguments.add("volume", std::uint64_t{1} << 40);
  EXPECT_EQ(client->ask(needle).code(), ENOENT);
  needle.arguments.fields.front().value = std::uint64_t{200} << 24;
  EXPECT_EQ(client->ask(needle).code(), ENOENT);
  Question places{.name = "places"};
  places.arguments.add("count", std::uint64_t{1} << 60);
  EXPECT_EQ(client->ask(places).code(), EMSGSIZE);
  places.arguments.fields.front().value = std::uint64_t{4};
  EXPECT_EQ(client->ask(places).code(), EBADF) << "no memory came along";
}

// The sidecar's user sees all objects, but neither turns the store's screws nor reads what files there are.
TEST_F(Control, TheObjectUsersFrontDoorIsNotAnAdministrator) {
  const rpc::DaemonSide daemon;
  for (const char* name : {"status", "volumes", "info", "set-quota", "scrub", "compact", "log-level"})
    EXPECT_EQ(
        rpc::answer_question(store.engine(), daemon, {.name = name}, rpc::Right::figures_only, -1).code(),
        EPERM)
        << name;
}

// Nor of the machine: no path, nothing that names a file.
TEST_F(Control, ItMaySeeFiguresThatNameNothing) {
  ASSERT_EQ(shell().put("/f", pattern(100'000)), 0);
  ASSERT_EQ(shell().fsync("/f"), 0);
  ASSERT_TRUE(store.engine().settle().ok());
  rpc::DaemonSide daemon;
  daemon.mount = [] { return Record{"daemon", {}}.add("mountpoint", std::string("/the/mount")); };
  daemon.operations = [] { return rpc::Records{Record{"operation", {}}.add("name", std::string("read"))}; };
  const auto seen = [&](const char* name) {
    auto answer = rpc::answer_question(store.engine(), daemon, {.name = name}, rpc::Right::figures_only, -1);
    EXPECT_TRUE(answer.ok()) << name;
    return answer.ok() ? *std::move(answer) : Answer();
  };
  const Answer overview = seen("overview");
  const Answer status = ask({.name = "status"});
  EXPECT_EQ(of(overview, "space"), of(status, "space"));
  EXPECT_EQ(of(overview, "store").text("uuid"), of(status, "store").text("uuid"));
  EXPECT_EQ(of(overview, "operation").text("name"), "read");
  const Answer map = seen("volume-map");
  ASSERT_FALSE(map.records.empty());
  EXPECT_GT(map.records[0].number("live_bytes"), 0u);
  EXPECT_NE(map.records[0].find("damaged"), nullptr);
  for (const Answer* answer : {&overview, &map}) {
    for (const Record& record : answer->records) {
      for (const rpc::Field& field : record.fields) {
        const auto* text = std::get_if<std::string>(&field.value);
        if (text != nullptr)
          EXPECT_EQ(text->find('/'), std::string::npos) << record.kind << '.' << field.name;
      }
    }
  }
}

TEST_F(Control, UpkeepTellsHowFarARoundHasCome) {
  ASSERT_EQ(shell().put("/f", pattern(100'000)), 0);
  ASSERT_EQ(shell().fsync("/f"), 0);
  EXPECT_FALSE(of(ask({.name = "status"}), "upkeep").truth("scrubbing"));
  ASSERT_TRUE(ask({.name = "scrub"}).more) << "the first step is what comes before the volumes";
  const Answer begun = ask({.name = "status"});
  EXPECT_TRUE(of(begun, "upkeep").truth("scrubbing"));
  EXPECT_EQ(of(begun, "upkeep").number("scrub_passed_bytes"), 0u);
  ASSERT_TRUE(ask({.name = "scrub"}).more);
  const Answer after = ask({.name = "status"});
  EXPECT_EQ(of(after, "upkeep").number("scrub_passed_bytes"), of(after, "space").number("live_bytes"));
  EXPECT_FALSE(ask({.name = "scrub"}).more);
  EXPECT_FALSE(of(ask({.name = "status"}), "upkeep").truth("scrubbing"));
  EXPECT_EQ(of(ask({.name = "status"}), "upkeep").number("scrub_rounds"), 1u);
}

}  // namespace
}  // namespace ciaos::test
