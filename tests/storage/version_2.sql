-- A database as the second version of the tables had it, written by that version's own code: a
-- channel with everything that can be set, another that ended, identities with and without a
-- token, a group, and what waits. It never changes; every later version must open it.


-- Table  channel
CREATE TABLE channel (name TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO channel VALUES('#dora','{"name":"#dora","number":"1004292138303","incarnation":4468911204675556063,"created":1700000004005,"flags":"inst","admins":["0004251164366"]}');
INSERT INTO channel VALUES('#g1004296843463','{"name":"#g1004296843463","number":"1004296843463","incarnation":1054979537689150005,"created":1700000002005,"flags":"inst","admins":["0004200282669"],"members":["0004200282669","0004235746282","0004293393106"]}');
INSERT INTO channel VALUES('#here','{"name":"#here","number":"1004242604684","incarnation":102942566555894492,"created":1700000004005,"emptied":1700000004005,"flags":"nt"}');
INSERT INTO channel VALUES('#lobby','{"name":"#lobby","number":"1000000000000","incarnation":16,"created":1700000000000,"emptied":1700000004005,"flags":"nt"}');
INSERT INTO channel VALUES('#tea','{"name":"#Tea","number":"1004215826780","incarnation":3509319858730097019,"created":1700000000000,"emptied":1700000004005,"topic":{"text":"cups é","by":"bob!user@host.example","at":1700000001000},"key":"$argon2id$x","limit":12,"flags":"mt","lists":{"b":{"eve!*@*":{"by":"bob!user@host.example","at":1700000001000}},"e":{"eve!*@home":{"by":"bob!user@host.example","at":1700000001000}},"I":{"zoe!*@*":{"by":"bob!user@host.example","at":1700000001000}}},"admins":["0004234234785"]}');

-- Table  event
CREATE TABLE event (
        id INTEGER PRIMARY KEY,
        hlc INTEGER NOT NULL,
        conversation INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        body TEXT NOT NULL,
        retry TEXT
    ) STRICT;
INSERT INTO event VALUES(1099511627777,111411200000000000,0,2,'{"k":"number","nickname":"ana","number":"0004234234785"}',NULL);
INSERT INTO event VALUES(1099511627778,111411200000000002,3509319858730097019,2,'{"k":"created","by":{"uid":"sc386bbc4cd613e30","nick":"ana","number":"0004234234785","mask":"ana!user@host.example"},"channel":"#Tea","number":"1004215826780","incarnation":3509319858730097019}',NULL);
INSERT INTO event VALUES(1099511627779,111411200000000003,3509319858730097019,1,'{"k":"joined","by":{"uid":"sc386bbc4cd613e30","nick":"ana","number":"0004234234785","mask":"ana!user@host.example"},"channel":"#Tea","admin":true}',NULL);
INSERT INTO event VALUES(1099511627780,111411200000000004,3509319858730097019,1,'{"k":"topic","by":{"uid":"sc386bbc4cd613e30","nick":"ana","number":"0004234234785","mask":"ana!user@host.example"},"channel":"#Tea","topic":"first"}',NULL);
INSERT INTO event VALUES(1099511627781,111411200000000005,0,2,'{"k":"identity","by":{"uid":"sc386bbc4cd613e30","nick":"ana","number":"0004234234785","mask":"ana!user@host.example"},"number":"0004234234785","nickname":"ana","token":"24d4b96f58da6d4a8512313bbd02a28ebf0ca95dec6e4c86ef78ce7f01e788ac"}',NULL);
INSERT INTO event VALUES(1099511627782,111411200000000006,3509319858730097019,1,'{"k":"parted","by":{"uid":"sc386bbc4cd613e30","nick":"ana","number":"0004234234785","mask":"ana!user@host.example"},"channel":"#Tea","reason":"Connected again from elsewhere","quit":true}',NULL);
INSERT INTO event VALUES(1099511627783,111411200000000009,16,1,'{"k":"joined","by":{"uid":"0004234234785","nick":"ana","number":"0004234234785","mask":"ana!user@host.example"},"channel":"#lobby"}',NULL);
INSERT INTO event VALUES(1099511627784,111411200000000010,0,2,'{"k":"number","nickname":"bob","number":"0004212597620"}',NULL);
INSERT INTO event VALUES(1099511627785,111411200000000012,3509319858730097019,1,'{"k":"joined","by":{"uid":"sc9e9c616612e7696","nick":"bob","number":"0004212597620","mask":"bob!user@host.example"},"channel":"#Tea","admin":true}',NULL);
INSERT INTO event VALUES(1099511627786,111411200000000013,16,1,'{"k":"joined","by":{"uid":"sc9e9c616612e7696","nick":"bob","number":"0004212597620","mask":"bob!user@host.example"},"channel":"#lobby"}',NULL);
INSERT INTO event VALUES(1099511627787,111411200000000014,0,2,'{"k":"number","nickname":"carol","number":"0004281528947"}',NULL);
INSERT INTO event VALUES(1099511627788,111411200000000016,3509319858730097019,1,'{"k":"joined","by":{"uid":"s63ca828dd5f4b3b2","nick":"carol","number":"0004281528947","mask":"carol!user@host.example"},"channel":"#Tea"}',NULL);
INSERT INTO event VALUES(1099511627789,111411200065536000,3509319858730097019,1,'{"k":"parted","by":{"uid":"sc9e9c616612e7696","nick":"bob","number":"0004212597620","mask":"bob!user@host.example"},"channel":"#Tea","reason":""}',NULL);
INSERT INTO event VALUES(1099511627790,111411200065536001,3509319858730097019,1,'{"k":"parted","by":{"uid":"s63ca828dd5f4b3b2","nick":"carol","number":"0004281528947","mask":"carol!user@host.example"},"channel":"#Tea","reason":""}',NULL);
INSERT INTO event VALUES(1099511627791,111411200065536002,3509319858730097019,1,'{"k":"joined","by":{"uid":"sc9e9c616612e7696","nick":"bob","number":"0004212597620","mask":"bob!user@host.example"},"channel":"#Tea","admin":true}',NULL);
INSERT INTO event VALUES(1099511627792,111411200065536003,3509319858730097019,1,'{"k":"modes","by":{"uid":"sc9e9c616612e7696","nick":"bob","number":"0004212597620","mask":"bob!user@host.example"},"channel":"#Tea","modes":[{"on":true,"mode":"m"},{"on":false,"mode":"n"},{"on":true,"mode":"k","value":"$argon2id$x"},{"on":true,"mode":"l","value":"9"},{"on":true,"mode":"b","value":"eve!*@*"},{"on":true,"mode":"b","value":"joe!*@*"},{"on":true,"mode":"e","value":"eve!*@home"},{"on":true,"mode":"I","value":"zoe!*@*"}]}',NULL);
INSERT INTO event VALUES(1099511627793,111411200065536004,3509319858730097019,1,'{"k":"topic","by":{"uid":"sc9e9c616612e7696","nick":"bob","number":"0004212597620","mask":"bob!user@host.example"},"channel":"#Tea","topic":"cups é"}',NULL);
INSERT INTO event VALUES(1099511627794,111411200065536005,3509319858730097019,1,'{"k":"modes","by":{"uid":"sc9e9c616612e7696","nick":"bob","number":"0004212597620","mask":"bob!user@host.example"},"channel":"#Tea","modes":[{"on":false,"mode":"b","value":"joe!*@*"},{"on":true,"mode":"l","value":"12"}]}',NULL);
INSERT INTO event VALUES(1099511627795,111411200065536006,3509319858730097019,1,'{"k":"joined","by":{"uid":"0004234234785","nick":"ana","number":"0004234234785","mask":"ana!user@host.example"},"channel":"#Tea"}',NULL);
INSERT INTO event VALUES(1099511627796,111411200065536007,3509319858730097019,1,'{"k":"admins","by":{"uid":"sc9e9c616612e7696","nick":"bob","number":"0004212597620","mask":"bob!user@host.example"},"channel":"#Tea","ranks":[{"on":true,"mode":"o","whom":{"uid":"0004234234785","nick":"ana","number":"0004234234785","mask":"ana!user@host.example"}},{"on":true,"mode":"v","whom":{"uid":"0004234234785","nick":"ana","number":"0004234234785","mask":"ana!user@host.example"}}]}',NULL);
INSERT INTO event VALUES(1099511627797,111411200065536008,3509319858730097019,0,'{"k":"said","by":{"uid":"0004234234785","nick":"ana","number":"0004234234785","mask":"ana!user@host.example"},"target":"#Tea","style":0,"text":"hello é"}','0004234234785/id1');
INSERT INTO event VALUES(1099511627798,111411200131072000,0,2,'{"k":"called","number":"0004234234785","nickname":"Ana_María"}',NULL);
INSERT INTO event VALUES(1099511627799,111411200131072001,0,2,'{"k":"renamed","by":{"uid":"0004234234785","nick":"ana","number":"0004234234785","mask":"ana!user@host.example"},"now":{"uid":"0004234234785","nick":"Ana_María","number":"0004234234785","mask":"Ana_María!user@host.example"}}',NULL);
INSERT INTO event VALUES(1099511627800,111411200131072002,16,1,'{"k":"parted","by":{"uid":"0004234234785","nick":"Ana_María","number":"0004234234785","mask":"Ana_María!user@host.example"},"channel":"#lobby","reason":"bye","quit":true}',NULL);
INSERT INTO event VALUES(1099511627801,111411200131072003,3509319858730097019,1,'{"k":"parted","by":{"uid":"0004234234785","nick":"Ana_María","number":"0004234234785","mask":"Ana_María!user@host.example"},"channel":"#Tea","reason":"bye","quit":true}',NULL);
INSERT INTO event VALUES(1099511627802,111411200131072005,6865188312385743402,0,'{"k":"said","by":{"uid":"sc9e9c616612e7696","nick":"bob","number":"0004212597620","mask":"bob!user@host.example"},"target":"Ana_María","style":0,"text":"see you","to":"0004234234785","waits":true}',NULL);
INSERT INTO event VALUES(1099511627803,111411200131072006,6865188312385743402,0,'{"k":"said","by":{"uid":"sc9e9c616612e7696","nick":"bob","number":"0004212597620","mask":"bob!user@host.example"},"target":"Ana_María","style":0,"text":"or not","to":"0004234234785","waits":true,"receipt":true}',NULL);
INSERT INTO event VALUES(2199023255553,111411200131072007,0,2,'{"k":"identity","by":{"uid":"0004200282669","nick":"n0004200282669","number":"0004200282669","mask":"n0004200282669!n0004200282669@0004200282669"},"number":"0004200282669","nickname":"n0004200282669","token":""}',NULL);
INSERT INTO event VALUES(2199023255554,111411200131072008,0,2,'{"k":"used","number":"0004200282669"}',NULL);
INSERT INTO event VALUES(2199023255555,111411200131072010,0,2,'{"k":"identity","by":{"uid":"0004293393106","nick":"n0004293393106","number":"0004293393106","mask":"n0004293393106!n0004293393106@0004293393106"},"number":"0004293393106","nickname":"n0004293393106","token":""}',NULL);
INSERT INTO event VALUES(2199023255556,111411200131072011,0,2,'{"k":"used","number":"0004293393106"}',NULL);
INSERT INTO event VALUES(2199023255557,111411200131072013,0,2,'{"k":"identity","by":{"uid":"0004259778857","nick":"n0004259778857","number":"0004259778857","mask":"n0004259778857!n0004259778857@0004259778857"},"number":"0004259778857","nickname":"n0004259778857","token":""}',NULL);
INSERT INTO event VALUES(2199023255558,111411200131399680,0,2,'{"k":"identity","by":{"uid":"0004235746282","nick":"n0004235746282","number":"0004235746282","mask":"n0004235746282!n0004235746282@0004235746282"},"number":"0004235746282","nickname":"n0004235746282","token":""}',NULL);
INSERT INTO event VALUES(2199023255559,111411200131399681,1054979537689150005,2,'{"k":"created","by":{"uid":"0004200282669","nick":"n0004200282669","number":"0004200282669","mask":"n0004200282669!user@host.example"},"channel":"#g1004296843463","number":"1004296843463","incarnation":1054979537689150005,"flags":"inst"}',NULL);
INSERT INTO event VALUES(2199023255560,111411200131399682,1054979537689150005,2,'{"k":"gathered","by":{"uid":"0004200282669","nick":"n0004200282669","number":"0004200282669","mask":"n0004200282669!user@host.example"},"channel":"#g1004296843463","group":"1004296843463","members":[{"uid":"0004200282669","nick":"n0004200282669","number":"0004200282669","mask":"n0004200282669!user@host.example"},{"uid":"0004293393106","nick":"n0004293393106","number":"0004293393106","mask":"n0004293393106!user@host.example"},{"uid":"0004259778857","nick":"n0004259778857","number":"0004259778857","mask":"n0004259778857!n0004259778857@0004259778857"}],"everyone":["0004200282669","0004293393106","0004259778857"]}',NULL);
INSERT INTO event VALUES(2199023255561,111411200131399683,1054979537689150005,1,'{"k":"joined","by":{"uid":"0004200282669","nick":"n0004200282669","number":"0004200282669","mask":"n0004200282669!user@host.example"},"channel":"#g1004296843463","admin":true}',NULL);
INSERT INTO event VALUES(2199023255562,111411200131399684,1054979537689150005,1,'{"k":"joined","by":{"uid":"0004293393106","nick":"n0004293393106","number":"0004293393106","mask":"n0004293393106!user@host.example"},"channel":"#g1004296843463"}',NULL);
INSERT INTO event VALUES(2199023255563,111411200131399685,1054979537689150005,0,'{"k":"said","by":{"uid":"0004200282669","nick":"n0004200282669","number":"0004200282669","mask":"n0004200282669!user@host.example"},"target":"#g1004296843463","style":0,"text":"to all"}',NULL);
INSERT INTO event VALUES(2199023255564,111411200131399686,0,2,'{"k":"received","by":{"uid":"0004293393106","nick":"n0004293393106","number":"0004293393106","mask":"n0004293393106!user@host.example"},"until":111411200131399685,"count":2}',NULL);
INSERT INTO event VALUES(2199023255565,111411200131399687,1054979537689150005,1,'{"k":"member-kicked","by":{"uid":"0004200282669","nick":"n0004200282669","number":"0004200282669","mask":"n0004200282669!user@host.example"},"channel":"#g1004296843463","whom":{"uid":"0004259778857","nick":"n0004259778857","number":"0004259778857","mask":"n0004259778857!n0004259778857@0004259778857"},"reason":"out"}',NULL);
INSERT INTO event VALUES(2199023255566,111411200131399688,1054979537689150005,2,'{"k":"gathered","by":{"uid":"0004200282669","nick":"n0004200282669","number":"0004200282669","mask":"n0004200282669!user@host.example"},"channel":"#g1004296843463","group":"1004296843463","members":[{"uid":"0004235746282","nick":"n0004235746282","number":"0004235746282","mask":"n0004235746282!n0004235746282@0004235746282"}],"everyone":["0004200282669","0004293393106","0004235746282"]}',NULL);
INSERT INTO event VALUES(2199023255567,111411200262471680,471439558911542946,2,'{"k":"created","by":{"uid":"sc9e9c616612e7696","nick":"bob","number":"0004212597620","mask":"bob!user@host.example"},"channel":"#gone","number":"1004279343270","incarnation":471439558911542946}',NULL);
INSERT INTO event VALUES(2199023255568,111411200262471681,471439558911542946,1,'{"k":"joined","by":{"uid":"sc9e9c616612e7696","nick":"bob","number":"0004212597620","mask":"bob!user@host.example"},"channel":"#gone","admin":true}',NULL);
INSERT INTO event VALUES(2199023255569,111411200262471682,471439558911542946,1,'{"k":"parted","by":{"uid":"sc9e9c616612e7696","nick":"bob","number":"0004212597620","mask":"bob!user@host.example"},"channel":"#gone","reason":""}',NULL);
INSERT INTO event VALUES(2199023255570,111411200262471683,102942566555894492,2,'{"k":"created","by":{"uid":"sc9e9c616612e7696","nick":"bob","number":"0004212597620","mask":"bob!user@host.example"},"channel":"#here","number":"1004242604684","incarnation":102942566555894492}',NULL);
INSERT INTO event VALUES(2199023255571,111411200262471684,102942566555894492,1,'{"k":"joined","by":{"uid":"sc9e9c616612e7696","nick":"bob","number":"0004212597620","mask":"bob!user@host.example"},"channel":"#here","admin":true}',NULL);
INSERT INTO event VALUES(2199023255572,111411200262471685,0,2,'{"k":"number","nickname":"robert","number":"0004203415285"}',NULL);
INSERT INTO event VALUES(2199023255573,111411200262471686,0,2,'{"k":"renamed","by":{"uid":"sc9e9c616612e7696","nick":"bob","number":"0004212597620","mask":"bob!user@host.example"},"now":{"uid":"sc9e9c616612e7696","nick":"robert","number":"0004203415285","mask":"robert!user@host.example"}}',NULL);
INSERT INTO event VALUES(2199023255574,111411200262471687,471439558911542946,2,'{"k":"ended","channel":"#gone"}',NULL);
INSERT INTO event VALUES(2199023255575,111411200262471688,16,1,'{"k":"parted","by":{"uid":"sc9e9c616612e7696","nick":"robert","number":"0004203415285","mask":"robert!user@host.example"},"channel":"#lobby","reason":"","quit":true}',NULL);
INSERT INTO event VALUES(2199023255576,111411200262471689,3509319858730097019,1,'{"k":"parted","by":{"uid":"sc9e9c616612e7696","nick":"robert","number":"0004203415285","mask":"robert!user@host.example"},"channel":"#Tea","reason":"","quit":true}',NULL);
INSERT INTO event VALUES(2199023255577,111411200262471690,102942566555894492,1,'{"k":"parted","by":{"uid":"sc9e9c616612e7696","nick":"robert","number":"0004203415285","mask":"robert!user@host.example"},"channel":"#here","reason":"","quit":true}',NULL);
INSERT INTO event VALUES(2199023255578,111411200262471693,0,2,'{"k":"number","nickname":"dora","number":"0004251164366"}',NULL);
INSERT INTO event VALUES(2199023255579,111411200262471695,0,2,'{"k":"identity","by":{"uid":"s8a9a021ea648a7dd","nick":"dora","number":"0004251164366","mask":"dora!user@host.example"},"number":"0004251164366","nickname":"dora","token":"69db31976ead37b85cc42a49c95fd06eec99cfd9b7ff219a25c0f59cb4049343"}',NULL);
INSERT INTO event VALUES(2199023255580,111411200262471698,4468911204675556063,2,'{"k":"created","by":{"uid":"0004251164366","nick":"dora","number":"0004251164366","mask":"dora!user@host.example"},"channel":"#dora","number":"1004292138303","incarnation":4468911204675556063}',NULL);
INSERT INTO event VALUES(2199023255581,111411200262471699,4468911204675556063,1,'{"k":"joined","by":{"uid":"0004251164366","nick":"dora","number":"0004251164366","mask":"dora!user@host.example"},"channel":"#dora","admin":true}',NULL);
INSERT INTO event VALUES(2199023255582,111411200262471700,4468911204675556063,1,'{"k":"modes","by":{"uid":"0004251164366","nick":"dora","number":"0004251164366","mask":"dora!user@host.example"},"channel":"#dora","modes":[{"on":true,"mode":"i"},{"on":true,"mode":"s"}]}',NULL);
INSERT INTO event VALUES(2199023255583,111411200262471701,0,2,'{"k":"identity","by":{"uid":"0004256655527","nick":"n0004256655527","number":"0004256655527","mask":"n0004256655527!n0004256655527@0004256655527"},"number":"0004256655527","nickname":"n0004256655527","token":""}',NULL);
-- Triggers and indices on  event
CREATE INDEX history ON event (conversation, hlc) WHERE conversation <> 0;
CREATE UNIQUE INDEX retried ON event (retry) WHERE retry IS NOT NULL;

-- Table  identity
CREATE TABLE identity (number TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO identity VALUES('0004200282669','{"nickname":"n0004200282669","token":""}');
INSERT INTO identity VALUES('0004234234785','{"nickname":"Ana_María","token":"24d4b96f58da6d4a8512313bbd02a28ebf0ca95dec6e4c86ef78ce7f01e788ac"}');
INSERT INTO identity VALUES('0004235746282','{"nickname":"n0004235746282","token":"","unused":1700000002005}');
INSERT INTO identity VALUES('0004251164366','{"nickname":"dora","token":"69db31976ead37b85cc42a49c95fd06eec99cfd9b7ff219a25c0f59cb4049343"}');
INSERT INTO identity VALUES('0004256655527','{"nickname":"n0004256655527","token":"","unused":1700000004005}');
INSERT INTO identity VALUES('0004259778857','{"nickname":"n0004259778857","token":"","unused":1700000002000}');
INSERT INTO identity VALUES('0004293393106','{"nickname":"n0004293393106","token":""}');

-- Table  meta
CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES('server_id',X'000102030405060708090A0B0C0D0E0F');

-- Table  number
CREATE TABLE number (nickname TEXT PRIMARY KEY, number TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO number VALUES('ana','0004234234785');
INSERT INTO number VALUES('bob','0004212597620');
INSERT INTO number VALUES('carol','0004281528947');
INSERT INTO number VALUES('dora','0004251164366');
INSERT INTO number VALUES('robert','0004203415285');

-- Table  source
CREATE TABLE source (
        id INTEGER PRIMARY KEY,
        server BLOB NOT NULL,
        epoch INTEGER NOT NULL,
        UNIQUE (server, epoch)
    ) STRICT;
INSERT INTO source VALUES(1,X'000102030405060708090A0B0C0D0E0F',1);
INSERT INTO source VALUES(2,X'000102030405060708090A0B0C0D0E0F',2);

-- Table  waiting
CREATE TABLE waiting (
        uid TEXT NOT NULL,
        hlc INTEGER NOT NULL,
        tag INTEGER NOT NULL,
        fact TEXT NOT NULL,
        PRIMARY KEY (uid, hlc, tag)
    ) STRICT, WITHOUT ROWID;
INSERT INTO waiting VALUES('0004200282669',111411200131399682,3792354922,'{"k":"gathered","by":{"uid":"0004200282669","nick":"n0004200282669","number":"0004200282669","mask":"n0004200282669!user@host.example"},"channel":"#g1004296843463","group":"1004296843463","members":[{"uid":"0004200282669","nick":"n0004200282669","number":"0004200282669","mask":"n0004200282669!user@host.example"},{"uid":"0004293393106","nick":"n0004293393106","number":"0004293393106","mask":"n0004293393106!user@host.example"},{"uid":"0004259778857","nick":"n0004259778857","number":"0004259778857","mask":"n0004259778857!n0004259778857@0004259778857"}],"everyone":["0004200282669","0004293393106","0004259778857"]}');
INSERT INTO waiting VALUES('0004234234785',111411200131072005,2063855568,'{"k":"said","by":{"uid":"sc9e9c616612e7696","nick":"bob","number":"0004212597620","mask":"bob!user@host.example"},"target":"Ana_María","style":0,"text":"see you","to":"0004234234785","waits":true}');
INSERT INTO waiting VALUES('0004234234785',111411200131072006,2063855568,'{"k":"said","by":{"uid":"sc9e9c616612e7696","nick":"bob","number":"0004212597620","mask":"bob!user@host.example"},"target":"Ana_María","style":0,"text":"or not","to":"0004234234785","waits":true,"receipt":true}');
INSERT INTO waiting VALUES('0004235746282',111411200131399688,3792354922,'{"k":"gathered","by":{"uid":"0004200282669","nick":"n0004200282669","number":"0004200282669","mask":"n0004200282669!user@host.example"},"channel":"#g1004296843463","group":"1004296843463","members":[{"uid":"0004235746282","nick":"n0004235746282","number":"0004235746282","mask":"n0004235746282!n0004235746282@0004235746282"}],"everyone":["0004200282669","0004293393106","0004235746282"]}');
INSERT INTO waiting VALUES('0004259778857',111411200131399682,3792354922,'{"k":"gathered","by":{"uid":"0004200282669","nick":"n0004200282669","number":"0004200282669","mask":"n0004200282669!user@host.example"},"channel":"#g1004296843463","group":"1004296843463","members":[{"uid":"0004200282669","nick":"n0004200282669","number":"0004200282669","mask":"n0004200282669!user@host.example"},{"uid":"0004293393106","nick":"n0004293393106","number":"0004293393106","mask":"n0004293393106!user@host.example"},{"uid":"0004259778857","nick":"n0004259778857","number":"0004259778857","mask":"n0004259778857!n0004259778857@0004259778857"}],"everyone":["0004200282669","0004293393106","0004259778857"]}');
INSERT INTO waiting VALUES('0004259778857',111411200131399685,3792354922,'{"k":"said","by":{"uid":"0004200282669","nick":"n0004200282669","number":"0004200282669","mask":"n0004200282669!user@host.example"},"target":"#g1004296843463","style":0,"text":"to all"}');
INSERT INTO waiting VALUES('0004259778857',111411200131399687,3792354922,'{"k":"member-kicked","by":{"uid":"0004200282669","nick":"n0004200282669","number":"0004200282669","mask":"n0004200282669!user@host.example"},"channel":"#g1004296843463","whom":{"uid":"0004259778857","nick":"n0004259778857","number":"0004259778857","mask":"n0004259778857!n0004259778857@0004259778857"},"reason":"out"}');
INSERT INTO waiting VALUES('0004293393106',111411200131399682,3792354922,'{"k":"gathered","by":{"uid":"0004200282669","nick":"n0004200282669","number":"0004200282669","mask":"n0004200282669!user@host.example"},"channel":"#g1004296843463","group":"1004296843463","members":[{"uid":"0004200282669","nick":"n0004200282669","number":"0004200282669","mask":"n0004200282669!user@host.example"},{"uid":"0004293393106","nick":"n0004293393106","number":"0004293393106","mask":"n0004293393106!user@host.example"},{"uid":"0004259778857","nick":"n0004259778857","number":"0004259778857","mask":"n0004259778857!n0004259778857@0004259778857"}],"everyone":["0004200282669","0004293393106","0004259778857"]}');
INSERT INTO waiting VALUES('0004293393106',111411200131399685,3792354922,'{"k":"said","by":{"uid":"0004200282669","nick":"n0004200282669","number":"0004200282669","mask":"n0004200282669!user@host.example"},"target":"#g1004296843463","style":0,"text":"to all"}');

pragma user_version=2;

