// Who may do what, and what says so: access control lists, policies, rules for browsers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sidecar/s3_access.h"
#include "sidecar/s3_acl.h"
#include "sidecar/s3_cors.h"
#include "sidecar/s3_policy.h"

namespace ciaos::sidecar {
namespace {

const AclOwners kAlices{.owner = "alice", .bucket_owner = "alice"};
bool is_known(const std::string& name) { return name == "alice" || name == "bob"; }

TEST(AccessLists, OfEveryKindComeBackFromTheirLabel) {
  for (const char* name : {"private", "public-read", "public-read-write", "authenticated-read"}) {
    const auto acl = canned_acl(name, kAlices);
    ASSERT_TRUE(acl) << name;
    const std::string label = acl_label(*acl, "alice");
    EXPECT_EQ(label, std::string_view(name) == "private" ? "" : name);
    EXPECT_EQ(parse_acl_label(label, "alice"), *acl);
  }
  const Acl mixed{{Permission::read, Grantee::user, "bob"},
                  {Permission::write_acp, Grantee::somebody, {}},
                  {Permission::write, Grantee::everybody, {}}};
  EXPECT_EQ(parse_acl_label(acl_label(mixed, "alice"), "alice"), mixed);
  EXPECT_EQ(parse_acl_label(acl_label({}, "alice"), "alice"), Acl());
  EXPECT_FALSE(canned_acl("public", kAlices));
}

TEST(AccessLists, GrantWhatTheySayAndNoMore) {
  const Acl acl = *canned_acl("public-read", kAlices);
  EXPECT_TRUE(acl_grants(acl, "", Permission::read));
  EXPECT_FALSE(acl_grants(acl, "bob", Permission::write));
  EXPECT_TRUE(acl_grants(acl, "alice", Permission::write_acp));
  const Acl somebody = *canned_acl("authenticated-read", kAlices);
  EXPECT_FALSE(acl_grants(somebody, "", Permission::read));
  EXPECT_TRUE(acl_grants(somebody, "bob", Permission::read));
  EXPECT_TRUE(is_public(somebody));
  const Acl to_owner = *canned_acl("bucket-owner-read", {.owner = "bob", .bucket_owner = "alice"});
  EXPECT_TRUE(acl_grants(to_owner, "alice", Permission::read));
  EXPECT_FALSE(is_public(to_owner));
}

TEST(AccessLists, ComeInHeaders) {
  HttpHead head;
  head.headers = {{"x-amz-grant-read", "id=\"bob\", uri=http://acs.amazonaws.com/groups/global/AllUsers"}};
  const WantedAcl wanted = acl_of_headers(head, kAlices, is_known);
  ASSERT_TRUE(wanted.acl && !wanted.fault);
  EXPECT_TRUE(acl_grants(*wanted.acl, "", Permission::read));
  head.headers = {{"x-amz-grant-read", "id=mallory"}};
  EXPECT_EQ(acl_of_headers(head, kAlices, is_known).fault, S3Error::invalid_argument);
  head.headers = {{"x-amz-grant-read", "id=bob"}, {"x-amz-acl", "private"}};
  EXPECT_EQ(acl_of_headers(head, kAlices, is_known).fault, S3Error::invalid_request);
  head.headers = {{"x-amz-acl", "no-such"}};
  EXPECT_EQ(acl_of_headers(head, kAlices, is_known).fault, S3Error::invalid_argument);
}

TEST(AccessLists, ComeAsXmlAndGoAsTheSame) {
  const Acl acl{{Permission::read, Grantee::everybody, {}}, {Permission::full_control, Grantee::user, "bob"}};
  XmlWriter xml("AccessControlPolicy");
  add_acl(xml, acl, "alice");
  const std::string text = xml.finish();
  EXPECT_EQ(acl_of_xml(text, "alice", is_known).acl, acl);
  EXPECT_EQ(acl_of_xml(text, "bob", is_known).fault, S3Error::access_denied);
  EXPECT_EQ(acl_of_xml("<AccessControlPolicy/>", "alice", is_known).fault, S3Error::malformed_acl);
}

std::string policy_of(const std::string& rest) {
  return R"({"Version":"2012-10-17","Statement":[{"Resource":["arn:aws:s3:::b","arn:aws:s3:::b/*"],)" + rest +
         "}]}";
}

struct Asking {
  std::string user;
  std::string action;
  std::string resource = "b/key";
  std::map<std::string, std::string> context = {};
};

PolicyVerdict judge(const std::string& json, const Asking& asking) {
  const auto policy = Policy::parse(json);
  EXPECT_TRUE(policy) << json;
  if (!policy) return PolicyVerdict::silent;
  return policy->judge({asking.user, asking.action, asking.resource, [&](const std::string& key) {
                          const auto found = asking.context.find(key);
                          return found == asking.context.end() ? std::vector<std::string>()
                                                               : std::vector<std::string>{found->second};
                        }});
}

TEST(Policies, SpeakOfUsersActionsAndResources) {
  const std::string bobs = policy_of(
      R"("Effect":"Allow","Principal":{"AWS":"arn:aws:iam::x:user/bob"},"Action":["s3:Get*","s3:ListBucket"])");
  EXPECT_EQ(judge(bobs, {"bob", "s3:GetObject"}), PolicyVerdict::allowed);
  EXPECT_EQ(judge(bobs, {"bob", "s3:PutObject"}), PolicyVerdict::silent);
  EXPECT_EQ(judge(bobs, {"eve", "s3:GetObject"}), PolicyVerdict::silent);
  EXPECT_EQ(judge(bobs, {"bob", "s3:GetObject", "c/key"}), PolicyVerdict::silent);
  EXPECT_FALSE(Policy::parse(bobs)->is_public());
  const std::string all_but =
      policy_of(R"("Effect":"Deny","NotPrincipal":{"AWS":["bob"]},"NotAction":"s3:Get*")");
  EXPECT_EQ(judge(all_but, {"eve", "s3:PutObject"}), PolicyVerdict::denied);
  EXPECT_EQ(judge(all_but, {"bob", "s3:PutObject"}), PolicyVerdict::silent);
  EXPECT_EQ(judge(all_but, {"eve", "s3:GetObject"}), PolicyVerdict::silent);
}

TEST(Policies, DenyWhatTheyAlsoAllow) {
  const std::string json =
      R"({"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"},)"
      R"({"Effect":"Deny","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::b/kept/*"}]})";
  EXPECT_EQ(judge(json, {"", "s3:DeleteObject", "b/other"}), PolicyVerdict::allowed);
  EXPECT_EQ(judge(json, {"", "s3:DeleteObject", "b/kept/it"}), PolicyVerdict::denied);
  EXPECT_TRUE(Policy::parse(json)->is_public());
}

TEST(Policies, HaveConditions) {
  const auto with = [](const std::string& condition) {
    return policy_of(R"("Effect":"Allow","Principal":"*","Action":"*","Condition":)" + condition);
  };
  const auto allowed = [&](const std::string& condition, const std::map<std::string, std::string>& context) {
    return judge(with(condition), {"", "s3:GetObject", "b/key", context}) == PolicyVerdict::allowed;
  };
  const std::string near = R"({"IpAddress":{"aws:SourceIp":["10.0.0.0/8","fd00::/8"]}})";
  EXPECT_TRUE(allowed(near, {{"aws:SourceIp", "10.1.2.3"}}));
  EXPECT_TRUE(allowed(near, {{"aws:SourceIp", "fd12::1"}}));
  EXPECT_FALSE(allowed(near, {{"aws:SourceIp", "11.1.2.3"}}));
  EXPECT_FALSE(Policy::parse(with(near))->is_public());
  const std::string prefix = R"({"StringLike":{"s3:prefix":"public/*"}})";
  EXPECT_TRUE(allowed(prefix, {{"s3:prefix", "public/a"}}));
  EXPECT_FALSE(allowed(prefix, {}));
  EXPECT_TRUE(allowed(R"({"StringLikeIfExists":{"s3:prefix":"public/*"}})", {}));
  EXPECT_TRUE(allowed(R"({"StringNotEquals":{"s3:prefix":"x"}})", {}));
  EXPECT_FALSE(allowed(R"({"StringNotEquals":{"s3:prefix":"x"}})", {{"s3:prefix", "x"}}));
  EXPECT_TRUE(allowed(R"({"Null":{"s3:prefix":"true"}})", {}));
  EXPECT_FALSE(allowed(R"({"Null":{"s3:prefix":true}})", {{"s3:prefix", "x"}}));
  EXPECT_TRUE(allowed(R"({"NumericLessThanEquals":{"s3:max-keys":10}})", {{"s3:max-keys", "10"}}));
  EXPECT_FALSE(allowed(R"({"NumericLessThan":{"s3:max-keys":"10"}})", {{"s3:max-keys", "10"}}));
  EXPECT_TRUE(allowed(R"({"Bool":{"aws:SecureTransport":"true"}})", {{"aws:SecureTransport", "true"}}));
}

TEST(Policies, WithWhatIsNotKnownAreRefused) {
  const std::string end = R"(,"Principal":"*","Action":"*")";
  for (const std::string& json : {
           std::string("{"),
           std::string("[]"),
           std::string("{}"),
           std::string(R"({"Statement":[]})"),
           std::string(R"({"Version":"2020-01-01","Statement":[]})"),
           policy_of(R"("Effect":"Maybe")" + end),
           policy_of(R"("Effect":"Allow","Principal":"*")"),
           policy_of(R"("Effect":"Allow","Action":"*")"),
           policy_of(R"("Effect":"Allow","NotPrincipal":"bob","Action":"*")"),
           policy_of(R"("Effect":"Allow","Condition":{"DateLessThan":{"aws:CurrentTime":"x"}})" + end),
           policy_of(R"("Effect":"Allow","Condition":{"StringEquals":{"aws:Unheard":"x"}})" + end),
           policy_of(R"("Effect":"Allow","Condition":{"StringEquals":{"s3:prefix":"${aws:username}"}})" +
                     end),
           std::string(R"({"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"b/*"}})"),
           std::string(kPolicyBytesMax + 1, ' '),
       }) {
    EXPECT_FALSE(Policy::parse(json)) << json.substr(0, 200);
  }
  EXPECT_FALSE(Policy::parse(std::string(10'000, '[')));
}

TEST(Patterns, HaveStarsAndQuestionMarks) {
  EXPECT_TRUE(matches_pattern("abc", "a*c"));
  EXPECT_TRUE(matches_pattern("abbbc", "a*b?"));
  EXPECT_TRUE(matches_pattern("", "*"));
  EXPECT_FALSE(matches_pattern("abc", "a?"));
  EXPECT_FALSE(matches_pattern(std::string(5000, 'a'), std::string(50, '*') + "b"));
}

TEST(Addresses, AreMatchedByTheirFirstBits) {
  EXPECT_TRUE(address_matches("192.168.1.7", "192.168.1.0/29"));
  EXPECT_FALSE(address_matches("192.168.1.8", "192.168.1.0/29"));
  EXPECT_TRUE(address_matches("1.2.3.4", "0.0.0.0/0"));
  EXPECT_FALSE(address_matches("1.2.3.4", "1.2.3.4/33"));
  EXPECT_FALSE(address_matches("1.2.3.4", "::/0"));
  EXPECT_FALSE(address_matches("", "nonsense"));
}

TEST(BrowserRules, AreParsedOrRefused) {
  const auto rules = parse_cors(
      "<CORSConfiguration><CORSRule><AllowedOrigin>https://*.example</AllowedOrigin><AllowedMethod>GET</"
      "AllowedMethod>"
      "<AllowedHeader>X-*</AllowedHeader><MaxAgeSeconds>60</MaxAgeSeconds></CORSRule></CORSConfiguration>");
  ASSERT_TRUE(rules && rules->size() == 1);
  EXPECT_THAT(rules->front().headers, testing::ElementsAre("x-*"));
  EXPECT_EQ(rules->front().max_age, "60");
  EXPECT_FALSE(parse_cors("<CORSConfiguration/>"));
  EXPECT_FALSE(parse_cors("<CORSConfiguration><CORSRule/></CORSConfiguration>"));
  const auto with = [](const std::string& rest) {
    return parse_cors("<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod>" + rest +
                      "</CORSRule></CORSConfiguration>");
  };
  EXPECT_TRUE(with("<AllowedOrigin>*</AllowedOrigin>"));
  EXPECT_FALSE(with("<AllowedOrigin>*.*</AllowedOrigin>"));
  EXPECT_FALSE(with("<AllowedOrigin>*</AllowedOrigin><AllowedMethod>PATCH</AllowedMethod>"));
  EXPECT_FALSE(with("<AllowedOrigin>*</AllowedOrigin><MaxAgeSeconds>1\r\nX: y</MaxAgeSeconds>"));
}

TEST(PublicBlocks, KeepWhatTheySay) {
  const PublicBlock block{.block_acls = true, .ignore_acls = false, .block_policy = true, .restrict = false};
  const PublicBlock again = parse_public_block(public_block_label(block));
  EXPECT_TRUE(again.block_acls && !again.ignore_acls && again.block_policy && !again.restrict);
  EXPECT_FALSE(public_block_label({}).empty());
}

}  // namespace
}  // namespace ciaos::sidecar
