"""NoSQL, LDAP, XPath and GraphQL, and honest filters of API clients: set aside."""

from __future__ import annotations

from benchmarks.requests.heldout.grammar import Group
from benchmarks.requests.heldout.query_rules import OTHER

nosql = Group("nosql", OTHER)
attack, benign = nosql.attack, nosql.benign
attack(
    "or_of_conditions",
    '{"‹$or¦$nor¦$and›":[{"‹@field›":{"‹@op›":‹null¦""¦"‹@tok›"›}},{"‹@field›":‹{"$exists":true}¦{"$ne":‹@n›}¦"admin"›}]}',
    "v",
)
attack(
    "stages_and_functions",
    '‹[{"$lookup":{"from":"‹users¦accounts¦admins›","as":"‹@tok›","pipeline":[]}}]¦{"$function":{"body":"function(){return ‹this.‹@field›¦@n¦true›}","args":[],"lang":"js"}}¦{"$expr":{"$eq":["$‹@field›","‹@tok›"]}}¦{"$accumulator":{"init":"function(){‹@tok›()}"}}¦[{"$unionWith":"‹users¦admins›"},{"$limit":‹@n›}]¦{"mapReduce":"‹@tok›","map":"function(){emit(this.‹@field›)}"}›',
    "v",
)
benign(
    "ranges",
    '{"‹created¦updated›":{"$‹gte¦lt›":"20‹18¦21¦24¦26›-‹01¦05¦11›-‹03¦14¦28›"},"‹city¦topic›":"‹@city›"}',
    "v",
)
benign(
    "dollar_parameters",
    "$‹orderby¦select¦expand›=‹name¦price¦@noun›&$skip=‹@n›&‹price_gte¦year[lt]¦min›=‹@n›",
    "q",
    wire=True,
)

ldap = Group("ldap", OTHER)
attack, benign = ldap.attack, ldap.benign
attack(
    "attribute_probe",
    "‹@tok›‹*¦›)(‹userPassword¦telephoneNumber¦description¦homeDirectory¦loginShell¦krbPrincipalName›=‹@v›*‹)¦))¦)(|(cn=*›‹¦)(‹@attr›=‹@tok››",
    "vv",
)
attack(
    "matching_rules",
    "‹*¦@tok›)(‹userAccountControl:1.2.840.113556.1.4.80‹3¦4›:=‹@n›¦‹@attr›:‹dn:¦caseExactMatch:¦2.5.13.5:›=‹@tok›)›‹)¦(|(‹@attr›=*)¦))(&(‹@attr›=*›",
    "vv",
)
benign("grouped_words", "((‹@adj›)(‹@noun›)) ‹&¦|¦› ‹@city›‹¦ (‹@n›)›", "vvvrn")
benign("distinguished_names", "CN=‹@last›\\, ‹@person›,OU=‹@topic›,O=‹@city› GmbH", "vv")

xpath = Group("xpath", OTHER)
attack, benign = xpath.attack, xpath.benign
attack("closed_predicate", "‹@tok›‹'¦\"›‹]¦)]¦]/..›‹/¦//¦ | //›‹@node›‹[¦[@›‹@tok›‹=¦!=›‹'¦\"›‹@tok›", "vv")
attack(
    "blind_codes",
    "‹'¦\"¦‹@n›› ‹or¦and› ‹string-to-codepoints(substring((//‹@node›)[‹@n›],‹@n›,1))=‹@n›¦translate(name(//‹@node›),'‹@tok›','')=''¦concat(//‹@node›,'‹@tok›')=‹@n›¦not(//‹@node›)¦normalize-space(//‹@node›)!=''¦lang('‹@v›')¦name(//‹@node›/..)='‹@tok›'›‹¦ or ''='›",
    "vvvrn",
)
benign("paths_and_predicates", "‹@noun›s/‹@topic›[‹@n›]‹¦/@2x¦/text›", "vvp")
benign("either_or", "'‹@noun›' or '‹@noun›' | ‹@city› (‹@n›)", "vvvrn")

graphql = Group("graphql", OTHER)
attack, benign = graphql.attack, graphql.benign
attack(
    "fragments",
    "query ‹@tok›{__schema{‹queryType¦types›{...‹@tok›}}} fragment ‹@tok› on __‹Type¦Schema¦InputValue¦Field›{‹@kind› ‹@kind›}",
    "vv",
)
attack(
    "mixed_with_data",
    '{‹@noun›s{id} ‹__schema‹\n¦ ¦,›{directives‹ ¦{›¦__type(name:"‹@tok›"){›name ‹@kind›{‹@kind›}‹}¦}}›}',
    "vv",
)
benign(
    "inline_fragments", '{‹search¦node›(text:"‹@noun›"){... on ‹Product¦Article›{‹id¦title¦price› __typename}}}', "v"
)
benign("schema_words", "‹schema¦types¦fields¦directives› of ‹@noun›s {‹@adj›} (name: ‹@city›)", "vvvrn")
