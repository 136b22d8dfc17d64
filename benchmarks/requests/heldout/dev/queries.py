"""NoSQL, LDAP, XPath and GraphQL, and honest filters of API clients."""

from __future__ import annotations

from benchmarks.requests.heldout.grammar import Group
from benchmarks.requests.heldout.query_rules import OTHER

nosql = Group("nosql", OTHER)
attack, benign = nosql.attack, nosql.benign
attack(
    "operator_names",
    "‹@field›[‹$ne¦$gt¦$nin][¦$not][$eq¦$regex¦$exists¦$where›]=‹¦1¦.*¦^‹@v›¦true¦‹@tok››&‹@field›[‹$ne¦$gt¦$regex¦$gte›]=‹¦.*¦‹@tok›¦1›",
    "q",
    wire=True,
)
attack(
    "login_objects",
    '{"‹@field›":{"‹@op›":‹null¦""¦".*"¦1¦true¦"‹@tok›"›},"‹password¦pass¦pin›":{"‹$ne¦$gt¦$regex¦$exists›":‹null¦""¦"^‹@v›"¦true›}}',
    "v",
)
attack(
    "where_code",
    "‹{\"$where\":\"‹@code›\"}¦{$where:'‹@code›'}¦';return ‹@code›;//¦'||‹@code›//¦'||‹@code›\0¦$where=‹@code››",
    "vv",
)
attack(
    "string_break",
    "‹'¦\"¦'}¦\"}¦\\'›‹ || ¦||¦,¦ && ›‹this.‹@field›‹!=¦==›‹''¦null¦‹@n››¦'‹@v›'=='‹@v›¦$where:'‹@n›==‹@n›'¦$or:[{},{'‹@v›':'‹@v›¦db.‹@field›.‹drop¦find¦insert›()¦1==1›‹//¦%00¦ && '¦}¦›",
    "vvvrn",
)
benign(
    "price_filters",
    '{"‹price¦stock¦year¦rating›":{"‹$gte¦$lte¦$gt¦$lt›":‹@n›‹¦,"$lt":‹@n›4›}‹¦,"color":{"$in":["‹@adj›","blue"]}›}',
    "vv",
)
benign(
    "bracket_filters",
    "‹filter¦where›‹¦s›[‹price¦year¦created_at¦rating›][‹$gte¦gte¦$lt¦$in][0¦between›]=‹@n›&‹sort=‹@noun›¦populate=*¦fields[0]=name¦pagination[page]=‹@n››",
    "q",
    wire=True,
)
benign(
    "mongo_topics",
    "‹mongodb¦mongoose¦couchdb› ‹$where¦$regex¦$ne null¦$or¦$exists¦find› ‹example¦vs sql¦performance¦in ‹@lang›› ‹@n›",
    "vvvrn",
)
benign("odata", "$filter=‹price¦year¦rating› ‹gt¦le¦ge› ‹@n› ‹and¦or› ‹name¦city› ‹eq¦ne› '‹@city›'&$top=‹@n›", "q")

ldap = Group("ldap", OTHER)
attack, benign = ldap.attack, ldap.benign
attack(
    "closed_and_reopened",
    "‹*¦@tok¦admin›‹)(¦*)(¦))(|(¦)(&)(¦*))(›‹@attr›‹=¦>=¦~=›‹*¦‹@tok›*›‹¦)(›‹¦|(‹@attr›=*¦&(‹@attr›=*›‹¦)¦))¦))%00›",
    "vvvrn",
)
attack("boolean_filters", "‹@tok›)(‹|¦&¦!›(‹@attr›=‹*¦@tok¦a*›)‹¦(‹@attr›=‹*¦@tok›)›‹)¦))¦)(cn=*¦›", "vv")
attack(
    "escaped_units",
    "‹\\2a\\29\\28¦\\2a)\\28¦*\\29(¦)\\28\\7c\\28›‹@attr›‹=¦\\3d›‹\\2a¦*¦@tok›‹\\29¦)¦\\00¦\\29\\00›",
    "vv",
)
attack(
    "always_true",
    "‹*¦@tok›)(‹objectClass=‹*¦user¦top¦person›¦1=1¦‹@attr›>=‹@v››)‹)¦)(‹!(¦|(›‹@attr›=‹@tok›¦(&(‹@attr›=*›‹¦)›",
    "vv",
)
benign("smileys_and_brackets", "‹@noun› (‹@adj›)(‹@n›)‹¦ :)¦ :(¦ *›‹¦ (‹@city›|‹@city›)›", "vvvrn")
benign("names_of_directories", "‹@attr›=‹@person›,‹ou¦dc¦o›=‹@city›,dc=example", "vv")
benign("honest_filters", "(‹name¦city¦color›=‹@city›‹*¦›)", "vv")
benign("wildcards", "‹@noun›* ‹@adj›‹*¦?¦› ‹(¦›‹@n›", "vvvrn")

xpath = Group("xpath", OTHER)
attack, benign = xpath.attack, xpath.benign
attack(
    "union_of_nodes",
    "‹'¦\"¦']¦')]¦\")]¦›‹ | ¦|›‹//¦/¦/*/¦/descendant::›‹@node›‹[‹@n›]¦[position()=‹@n›]¦/text()¦/@*¦›‹¦ | //*[‹@n›¦|a['›",
    "vvvrn",
)
attack(
    "functions",
    "‹'¦\"› ‹or¦and› ‹count(‹//¦/*/›‹@node›)‹=¦>›‹@n›¦string-length(name(/*[‹@n›]))‹=¦<›‹@n›¦substring(//‹@node›[‹@n›],‹@n›,1)='‹@v›'¦starts-with(name(/*),'‹@v›')¦contains(//‹@node›,'‹@tok›')¦boolean(//‹@node›)› ‹or¦and› ‹'‹@v›'='‹@v›¦\"‹@v›\"=\"‹@v››",
    "vv",
)
attack(
    "axes",
    "‹'¦\"¦›‹] | ¦ or ¦]/¦ and ›‹parent¦ancestor¦following-sibling¦preceding¦child¦attribute¦self›::‹@node›‹[‹@n›]¦/child::node()¦¦='‹@tok›'›‹¦ or '¦][‹@n›¦[' ›",
    "vvvrn",
)
attack(
    "documents",
    "‹'¦\"¦›‹ or ¦ and ¦|›doc‹-available¦ument¦›(‹q:=‹'¦\"››‹http://‹@host›/‹@tok›¦file:///etc/‹@tok››‹§q›)‹/‹@node›¦¦=‹@n›¦//*›‹¦ or '1'='1›",
    "vv",
)
benign("slashes_in_prose", "‹@adj› // ‹@adj› | ‹@noun›‹¦ [‹@n›]¦ @ ‹@city››", "vvvrn")
benign(
    "xpath_topics",
    "xpath ‹contains¦starts-with¦position()¦following-sibling¦text()¦parent axis¦count›‹ example¦ selenium¦ ‹@lang››‹¦ ‹@n››",
    "vvvrn",
)
benign("handles", "‹@noun›/‹@topic› | @‹@person› ‹@n›‹¦ or ‹@city››", "vv")
benign("scope_names", "‹std¦self¦parent¦child¦Foo›::‹@noun›‹::‹@v›¦()¦› ‹@lang›‹¦ ‹@n››", "vvvrn")

graphql = Group("graphql", OTHER)
attack, benign = graphql.attack, graphql.benign
attack(
    "schema",
    "‹query ‹@tok›¦query¦›{__schema{‹types¦queryType¦mutationType¦directives¦subscriptionType›{‹@kind›‹¦,¦ ›‹¦ ‹fields¦args›{‹@kind›}›}‹¦ __typename›}}",
    "vv",
)
attack(
    "type_by_name",
    '‹query‹¦ ‹@tok››¦›{ __type‹¦ ›(name‹:¦: ›"‹User¦Query¦Mutation¦Account¦Admin¦‹@tok››"){‹@kind› ‹fields¦inputFields›‹¦(includeDeprecated:true)›{‹@kind› type{‹@kind›}} } }',
    "vv",
)
attack("aliased", '{‹‹@v›¦@tok›:‹__schema{types{‹@kind›}}¦__type(name:"‹@tok›"){‹@kind›}› ‹@tok›:__typename}', "vv")
attack(
    "in_parameters",
    "query=%7B__schema%7B‹types¦queryType¦directives›%7B‹@kind›‹¦%20‹@kind››%7D%7D%7D&‹operationName=‹@tok›¦variables=%7B%7D¦extensions=%7B%7D›",
    "q",
    wire=True,
)
benign(
    "queries",
    "‹query‹¦ Get‹@tok››¦›{‹@noun›‹¦s›‹(id:‹@n›)¦(first:‹@n›)¦›{‹id name¦title price¦nodes{id}¦__typename id›}}",
    "vv",
)
benign("mutations", 'mutation ‹@tok›{‹add¦remove›‹@noun›(id:"‹@n›",quantity:‹@n›){‹id¦total¦errors{message}›}}', "v")
benign("persisted", "operationName=‹Get¦List›‹@noun›&variables=%7B%22‹id¦first›%22%3A‹@n›%7D", "q", wire=True)
benign(
    "graphql_topics",
    "graphql ‹schema¦introspection¦types¦__typename¦query› ‹design¦tutorial¦disabled¦example›‹¦ ‹@lang›› ‹@n›",
    "vvvrn",
)
