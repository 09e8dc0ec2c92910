// The page's figures, its tokens and tickets, and what it takes for its own.
#include "sidecar/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "rpc/operation_records.h"
#include "sidecar/page_files.h"
#include "sidecar/secrets.h"

namespace ciaos::sidecar {
namespace {

using rpc::Record;
using rpc::Records;
using testing::HasSubstr;
using testing::Not;

// --- tokens and tickets ---

class Sessions : public testing::Test {
 protected:
  Sessions() {
    set_keys("ALICE alice-secret alice\nBOB bob-secret bob\nCAROL carol-secret carol disabled\n");
  }
  void set_keys(std::string_view text) { keys.set(users::parse_keys(text).value()); }
  static std::string basic(std::string_view pair) { return "Basic " + base64(pair); }
  std::string signed_in(std::string_view pair, std::uint64_t now) {
    return "Bearer " + sessions.token_for(sessions.viewer_of(basic(pair), now).value(), now);
  }

  users::KeyRing keys;
  const PageSessions sessions{keys, std::string(32, 'k')};
};

TEST_F(Sessions, ASecretOpensOneAndATokenGoesOnWithIt) {
  const auto viewer = sessions.viewer_of(basic("ALICE:alice-secret"), 100);
  ASSERT_TRUE(viewer);
  EXPECT_EQ(viewer->key.user, "alice");
  const auto again = sessions.viewer_of("Bearer " + sessions.token_for(*viewer, 100), 200);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->key.user, "alice");
  EXPECT_EQ(again->signed_in, 100u);
}

TEST_F(Sessions, WrongSecretsOpenNone) {
  for (const char* pair : {"ALICE:bob-secret", "ALICE:", "ALICE", ":alice-secret", "ALICE:alice-secretx",
                           "alice:alice-secret", "NOBODY:", "NOBODY:x", "CAROL:carol-secret", "", ":"})
    EXPECT_FALSE(sessions.viewer_of(basic(pair), 100)) << pair;
  for (const char* header :
       {"", "Basic", "Basic ", "Basic !!!!", "Digest x", "Bearer ", "Bearer", "bearer x"})
    EXPECT_FALSE(sessions.viewer_of(header, 100)) << header;
}

TEST_F(Sessions, EveryCharacterOfATokenIsNeeded) {
  const std::string token = signed_in("ALICE:alice-secret", 100);
  ASSERT_TRUE(sessions.viewer_of(token, 101));
  for (std::size_t i = 7; i < token.size(); ++i) {
    std::string forged = token;
    forged[i] = forged[i] == '1' ? '2' : '1';
    EXPECT_FALSE(sessions.viewer_of(forged, 101)) << forged;
    forged.erase(i, 1);
    EXPECT_FALSE(sessions.viewer_of(forged, 101)) << forged;
  }
  EXPECT_FALSE(sessions.viewer_of(token + "0", 101));
  EXPECT_FALSE(sessions.viewer_of(token + ".0", 101));
}

TEST_F(Sessions, ATokenEndsAndIsRenewedOnlyForSoLong) {
  const std::string token = signed_in("ALICE:alice-secret", 100);
  EXPECT_TRUE(sessions.viewer_of(token, 99 + kTokenSeconds));
  EXPECT_FALSE(sessions.viewer_of(token, 100 + kTokenSeconds));
  std::string renewed = token;
  std::uint64_t now = 100;
  for (; sessions.viewer_of(renewed, now); now += kTokenSeconds / 2)
    renewed = "Bearer " + sessions.token_for(*sessions.viewer_of(renewed, now), now);
  EXPECT_GE(now, kSignedInSeconds);
  EXPECT_LE(now, 100 + kSignedInSeconds + kTokenSeconds);
}

TEST_F(Sessions, ATokenIsNobodyElses) {
  const std::string alices = signed_in("ALICE:alice-secret", 100);
  std::string bobs = alices;
  bobs.replace(bobs.find(hex("ALICE")), 10, hex("BOB"));
  EXPECT_FALSE(sessions.viewer_of(bobs, 101));
  const PageSessions other_process(keys, std::string(32, 'x'));
  EXPECT_FALSE(other_process.viewer_of(alices, 101));
}

TEST_F(Sessions, WhoIsDisabledOrHasNewKeysIsOutAtOnce) {
  const std::string token = signed_in("ALICE:alice-secret", 100);
  const auto viewer = sessions.viewer_of(token, 100).value();
  const std::string ticket = sessions.ticket_for(viewer, "b/k", 100);
  ASSERT_TRUE(sessions.viewer_of_ticket(ticket, "b/k", 101));
  set_keys("ALICE another-secret alice\n");
  EXPECT_FALSE(sessions.viewer_of(token, 101));
  EXPECT_FALSE(sessions.viewer_of_ticket(ticket, "b/k", 101));
  set_keys("ALICE alice-secret alice disabled\n");
  EXPECT_FALSE(sessions.viewer_of(token, 101));
  EXPECT_FALSE(sessions.viewer_of_ticket(ticket, "b/k", 101));
  set_keys("ALICE alice-secret alice\n");
  EXPECT_TRUE(sessions.viewer_of(token, 101));
}

TEST_F(Sessions, ATicketIsForOneObjectAndAWhile) {
  const auto viewer = sessions.viewer_of(basic("ALICE:alice-secret"), 100).value();
  const std::string ticket = sessions.ticket_for(viewer, "b/k", 100);
  EXPECT_EQ(sessions.viewer_of_ticket(ticket, "b/k", 101).value().key.user, "alice");
  EXPECT_FALSE(sessions.viewer_of_ticket(ticket, "b/k2", 101));
  EXPECT_FALSE(sessions.viewer_of_ticket(ticket, "b/k", 100 + kTicketSeconds));
  EXPECT_FALSE(sessions.viewer_of("Bearer " + ticket, 101)) << "a ticket is no token";
  EXPECT_FALSE(sessions.viewer_of_ticket(sessions.token_for(viewer, 100), "b/k", 101))
      << "nor a token a ticket";
}

// --- figures ---

OperationTotals totals(std::uint64_t count, std::uint64_t each_ns, std::uint64_t bytes) {
  OperationTotals out;
  out.buckets[latency_bucket(each_ns)] = count;
  out.nanoseconds = count * each_ns;
  out.bytes = bytes;
  return out;
}

struct Counters {
  std::uint64_t epoch = 1;
  std::uint64_t commits = 0;
  std::uint64_t syncs = 0;
  std::uint64_t sync_ns = 0;
  OperationTotals reads;
};
PageLook look_at(std::uint64_t ms, const Counters& counters) {
  PageLook look{.monotonic_ms = ms,
                .unix_ms = static_cast<std::int64_t>(1'000'000 + ms),
                .store = Records(),
                .http = {}};
  look.store->push_back(Record{"store", {}}.add("epoch", counters.epoch));
  look.store->push_back(Record{"space", {}}.add("live_bytes", std::uint64_t{77}));
  look.store->push_back(Record{"log", {}}
                            .add("commits", counters.commits)
                            .add("syncs", counters.syncs)
                            .add("sync_ns", counters.sync_ns));
  look.store->push_back(rpc::operation_record("read", counters.reads));
  return look;
}
PageLook look_away(std::uint64_t ms) {
  return {.monotonic_ms = ms, .unix_ms = static_cast<std::int64_t>(1'000'000 + ms), .store = {}, .http = {}};
}

TEST(PageSamples, AreWhatCameBetweenTwoLooks) {
  Counters before{
      .commits = 10, .syncs = 20, .sync_ns = 1000, .reads = totals(1000, 1'000'000'000, 5'000'000)};
  Counters after = before;
  after.commits += 5;
  after.syncs += 10;
  after.sync_ns += 30'000'000;
  // 99 of 100 in the interval are fast; the slow ones before it are of no account.
  after.reads.buckets[latency_bucket(10'000)] += 99;
  after.reads.buckets[latency_bucket(80'000'000)] += 1;
  after.reads.bytes += 1'000'000;
  const auto sample = sample_between(look_at(0, before), look_at(5000, after));
  ASSERT_TRUE(sample);
  const PageSample& s = *sample;
  EXPECT_TRUE(s.up);
  EXPECT_EQ(s.length_ms, 5000u);
  EXPECT_DOUBLE_EQ(s[Figure::commits], 1);
  EXPECT_DOUBLE_EQ(s[Figure::syncs], 2);
  EXPECT_DOUBLE_EQ(s[Figure::device_sync_ns], 3'000'000);
  EXPECT_DOUBLE_EQ(s[Figure::requests], 20);
  EXPECT_DOUBLE_EQ(s[Figure::read_bytes], 200'000);
  EXPECT_GE(s[Figure::read_p50_ns], 10'000);
  EXPECT_LE(s[Figure::read_p50_ns], 12'500);
  EXPECT_LE(s[Figure::read_p99_ns], 12'500);
  EXPECT_TRUE(std::isnan(s[Figure::write_p50_ns])) << "nobody wrote: no latency, and not one of 0";
  EXPECT_DOUBLE_EQ(s[Figure::live_bytes], 77);
}

TEST(PageSamples, OfADaemonThatWasAwayOrBeganAnewKnowNothing) {
  const Counters old{.epoch = 3, .commits = 100, .reads = totals(100, 5000, 100)};
  const auto knows = [](const std::optional<PageSample>& s) { return !std::isnan((*s)[Figure::commits]); };
  ASSERT_TRUE(knows(sample_between(look_at(0, old), look_at(5000, old))));
  const auto gone = sample_between(look_at(0, old), look_away(5000));
  EXPECT_FALSE(gone->up);
  EXPECT_FALSE(knows(gone));
  EXPECT_TRUE(std::isnan((*gone)[Figure::live_bytes]));
  const auto back = sample_between(look_away(0), look_at(5000, old));
  EXPECT_TRUE(back->up);
  EXPECT_FALSE(knows(back));
  EXPECT_DOUBLE_EQ((*back)[Figure::live_bytes], 77);
  Counters anew = old;
  anew.epoch = 4;
  anew.commits = 200;
  EXPECT_FALSE(knows(sample_between(look_at(0, old), look_at(5000, anew))))
      << "another epoch, though counters rose";
  Counters again = old;
  again.commits = 1;
  EXPECT_FALSE(knows(sample_between(look_at(0, old), look_at(5000, again))))
      << "counters fell: it reads only";
  Counters forgetful = old;
  forgetful.reads = totals(1, 5000, 1);
  EXPECT_FALSE(knows(sample_between(look_at(0, old), look_at(5000, forgetful))));
  EXPECT_FALSE(knows(sample_between(look_at(0, old), look_at(600'000, old)))) << "the machine slept";
  EXPECT_FALSE(sample_between(look_at(5000, old), look_at(5000, old)));
}

TEST(PageSamples, CountOverHttpWhatIsWork) {
  PageLook before = look_away(0);
  PageLook after = look_away(10'000);
  before.http["GetObject"].times = totals(5, 1000, 50);
  after.http["GetObject"].times = totals(25, 1000, 1'000'050);
  after.http["PutObject"].times = totals(10, 9'000'000, 100);
  after.http["PutObject"].received_bytes = 500'000;
  after.http["page"].times = totals(1'000'000, 1'000'000'000, 1'000'000'000);
  const PageSample s = sample_between(before, after).value();
  EXPECT_DOUBLE_EQ(s[Figure::http_requests], 3);
  EXPECT_DOUBLE_EQ(s[Figure::sent_bytes], 100'010);
  EXPECT_DOUBLE_EQ(s[Figure::received_bytes], 50'000);
  EXPECT_GE(s[Figure::http_p99_ns], 9'000'000);
  const auto busy = busiest_between(before, after);
  ASSERT_EQ(busy.size(), 2u);
  EXPECT_EQ(busy[0].name, "PutObject");
  EXPECT_EQ(busy[0].mean_ns, 9'000'000u);
  EXPECT_GT(busy[0].share, 0.99);
  EXPECT_DOUBLE_EQ(busy[1].per_second, 2);
}

TEST(PageHistory, KeepsAnHourAndTellsWhatIsNew) {
  PageHistory history;
  EXPECT_FALSE(history.newest());
  EXPECT_TRUE(history.busiest().empty());
  for (std::uint64_t i = 0; i <= kSamplesMax + 100; ++i) {
    const Counters counters{.commits = i, .reads = totals(i, 3000, i)};
    history.add(look_at(i * kSampleMs, counters));
  }
  const auto all = history.since(0);
  ASSERT_EQ(all.size(), kSamplesMax);
  EXPECT_EQ(all.back().number, kSamplesMax + 100);
  EXPECT_EQ(history.since(all.back().number - 3).size(), 3u);
  EXPECT_TRUE(history.since(all.back().number).empty());
  EXPECT_TRUE(history.since(UINT64_MAX).empty());
  const auto busy = history.busiest();
  ASSERT_EQ(busy.size(), 1u);
  EXPECT_NEAR(busy[0].per_second, 0.2, 1e-9);
}

TEST(PageHistory, AsJsonHasNullForWhatIsNotKnown) {
  PageHistory history;
  history.add(look_away(0));
  history.add(look_away(5000));
  auto json = nlohmann::json::parse(figures_json(history, 0, 5, "away"));
  EXPECT_TRUE(json["now"].is_null());
  EXPECT_EQ(json["why"], "away");
  ASSERT_EQ(json["samples"].size(), 1u);
  EXPECT_EQ(json["samples"][0].size(), json["fields"].size());
  EXPECT_EQ(json["samples"][0][3], false);
  EXPECT_TRUE(json["samples"][0][json["fields"].size() - 1].is_null());
  history.add(look_at(10'000, {.commits = 3}));
  json = nlohmann::json::parse(figures_json(history, 1, 5, ""));
  EXPECT_EQ(json["now"]["log"]["commits"], 3);
  EXPECT_FALSE(json["now"].contains("operation"));
  EXPECT_EQ(json["samples"].size(), 1u);
  EXPECT_TRUE(json["why"].is_null());
}

TEST(VolumeMaps, AreNullUntilTheyAreKnown) {
  EXPECT_THAT(volumes_json(std::nullopt), HasSubstr("\"volumes\":null"));
  VolumeMap map{
      .volumes = {Record{"volume", {}}.add("volume", 7).add("state", std::string("open")).add("damaged", 2)}};
  const auto json = nlohmann::json::parse(volumes_json(map));
  EXPECT_EQ(json["volumes"][0][0], 7);
  EXPECT_EQ(json["volumes"][0][1], "open");
  EXPECT_TRUE(json["volumes"][0][2].is_null()) << "an older daemon does not say";
}

// --- what is whose ---

HttpHead head_of(const std::string& path, const std::string& host = "x:1") {
  HttpHead head;
  head.method = "GET";
  head.path = path;
  head.headers = {{"host", host}};
  return head;
}

TEST(PageRoutes, ItsPathAndNoOther) {
  Settings settings;
  for (const char* path : {"/_ui", "/_ui/", "/_ui/page.js", "/_ui/object/b/k"})
    EXPECT_TRUE(is_page(settings, head_of(path))) << path;
  for (const char* path :
       {"/", "/_u", "/_uix", "/_uix/", "/bucket/_ui", "/get/_ui", "/put/_ui", "/%5Fui/", "//_ui", "/ui"})
    EXPECT_FALSE(is_page(settings, head_of(path))) << path;
  settings.domain = "objects.example";
  EXPECT_TRUE(is_page(settings, head_of("/_ui/", "objects.example:9710")));
  EXPECT_FALSE(is_page(settings, head_of("/_ui/", "bucket.objects.example:9710"))) << "there it is a key";
}

TEST(PageRoutes, ItsFilesNameNoOtherHostAndRunNothingInline) {
  ASSERT_FALSE(page_files().empty());
  bool has_index = false;
  for (const PageFile& file : page_files()) {
    const std::string text(file.bytes);
    has_index = has_index || file.name == "index.html";
    EXPECT_THAT(text, Not(HasSubstr("https://"))) << file.name;
    EXPECT_THAT(text, Not(HasSubstr("innerHTML"))) << file.name;
    if (!file.name.ends_with(".html")) continue;
    EXPECT_THAT(text, Not(HasSubstr("style="))) << file.name;
    EXPECT_THAT(text, Not(HasSubstr("<script>"))) << file.name;
    EXPECT_THAT(text, Not(HasSubstr(" onclick="))) << file.name;
  }
  EXPECT_TRUE(has_index);
}

TEST(PageImages, OnlyPixelsAreLookedAt) {
  using namespace std::string_view_literals;
  EXPECT_EQ(raster_type_of("\x89PNG\r\n\x1a\n...."sv), "image/png");
  EXPECT_EQ(raster_type_of("\xff\xd8\xff\xe0"sv), "image/jpeg");
  EXPECT_EQ(raster_type_of("GIF89a;"sv), "image/gif");
  EXPECT_EQ(raster_type_of("RIFF\x10\0\0\0WEBPVP8 "sv), "image/webp");
  EXPECT_EQ(raster_type_of("\0\0\0\x20"
                           "ftypavif"sv),
            "image/avif");
  for (const std::string_view text :
       {""sv, "RIFF"sv, "\x89PNG"sv, "<svg xmlns='http://www.w3.org/2000/svg'>"sv, "<html>"sv, "<?xml"sv,
        "GIF88a"sv, "%PDF"sv})
    EXPECT_EQ(raster_type_of(text), "") << text;
}

}  // namespace
}  // namespace ciaos::sidecar
