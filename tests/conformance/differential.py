"""Calls every operation of the named services through botocore and says what it did, one JSON object per line.

No call leaves the process: a handler takes each signed request and gives a made-up answer back. A line holds what both
sides are told (`params`, `answer`) and what botocore made of it (`request`, and `result` or `error`).

Each operation is called three times:

  full     all parameters, answered with all members
  minimal  required parameters alone, answered with as little as a service may send
  varied   all parameters with other values, answered with a refusal

Usage: differential.py SERVICE...
"""

import base64
import datetime
import io
import json
import sys
import uuid
import xml.etree.ElementTree
from xml.sax.saxutils import escape

import botocore.awsrequest
import botocore.config
import botocore.exceptions
import botocore.handlers
import botocore.response
import botocore.session

REGION = 'eu-west-1'
TOKEN = '00000000-0000-4000-8000-000000000000'
MOMENT = datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
DEEPEST = 8

# What botocore does to parameters and answers behind the author's back, and `runbook` does not; see models/README.md.
UNWANTED = [
    ('before-parameter-build.ec2.RunInstances', botocore.handlers.base64_encode_user_data),
    ('before-parameter-build.autoscaling.CreateLaunchConfiguration', botocore.handlers.base64_encode_user_data),
    ('before-parameter-build.s3.CopyObject', botocore.handlers.handle_copy_source_param),
    ('before-parameter-build.s3.UploadPartCopy', botocore.handlers.handle_copy_source_param),
    ('before-parameter-build.s3.ListObjects', botocore.handlers.set_list_objects_encoding_type_url),
    ('before-parameter-build.s3.ListObjectsV2', botocore.handlers.set_list_objects_encoding_type_url),
    ('before-parameter-build.s3.ListObjectVersions', botocore.handlers.set_list_objects_encoding_type_url),
    ('after-call.s3.ListObjects', botocore.handlers.decode_list_object),
    ('after-call.s3.ListObjectsV2', botocore.handlers.decode_list_object_v2),
    ('after-call.s3.ListObjectVersions', botocore.handlers.decode_list_object_versions),
    ('after-call.ec2.GetConsoleOutput', botocore.handlers.decode_console_output),
    ('before-parse.s3.*', botocore.handlers.handle_expires_header),
    ('before-call.ec2.CopySnapshot', botocore.handlers.inject_presigned_url_ec2),
]

# Parameters that become part of a host or are looked at before anything is sent.
FIXED = {
    ('s3', 'Bucket'): 'my-bucket',
    ('s3', 'CopySource'): 'my-bucket/key',
    ('s3', 'RequestRoute'): 'abc',
    ('s3', 'RequestToken'): 'abc',
    ('s3control', 'Bucket'): 'my-bucket',
    ('s3control', 'AccountId'): '123456789012',
    ('s3control', 'Name'): 'my-name',
    ('s3control', 'OutpostId'): 'my-outpost',
}

# What is no parameter of the service, only of the SDKs, and no parameter of ours.
LEFT_OUT = {('rds', 'SourceRegion')}


class Parameters:
    """Makes parameters: as botocore takes them, and as a runbook writes them."""

    def __init__(self, service, variant, algorithm_member):
        self.service, self.variant, self.algorithm_member = service, variant, algorithm_member

    def value(self, shape, depth=0, seen=(), number=0, name=None):
        if (self.service, name) in FIXED and shape.type_name == 'string':
            return (FIXED[self.service, name],) * 2
        if name is not None and name == self.algorithm_member:
            return ('SHA256' if self.variant == 'varied' else 'CRC32',) * 2
        maker = getattr(self, shape.type_name, None) or self.string
        return maker(shape, depth, seen, number)

    def structure(self, shape, depth, seen, number):
        if shape.is_document_type:
            return ({'x': [1, 'y', None]},) * 2
        # A shape that holds itself ends where it may.
        all_members = self.variant != 'minimal' and depth < DEEPEST and seen.count(shape.name) < 2
        names = list(shape.members) if all_members else list(shape.required_members)
        if shape.is_tagged_union:
            # The members that hold the union itself come first, so the last one ends it.
            choice = -1 if shape.name in seen else (number + (self.variant == 'varied')) % len(shape.members)
            names = [list(shape.members)[choice]]
        ours, theirs = {}, {}
        for name in names:
            member = shape.members[name]
            if self.variant == 'minimal' and member.metadata.get('idempotencyToken'):
                continue
            if (self.service, name) in LEFT_OUT:
                continue
            theirs[name], ours[name] = self.value(member, depth + 1, (*seen, shape.name), number, name)
        return theirs, ours

    def list(self, shape, depth, seen, number):
        least = shape.metadata.get('min', 0)
        count = max(least, 1 if self.variant == 'varied' else 2)
        if depth >= DEEPEST or seen.count(shape.name) >= 2:
            count = least
        items = [self.value(shape.member, depth + 1, (*seen, shape.name), i + number) for i in range(count)]
        return [theirs for theirs, _ in items], [ours for _, ours in items]

    def map(self, shape, depth, seen, number):
        if depth >= DEEPEST or seen.count(shape.name) >= 2:
            return {}, {}
        if shape.serialization.get('location') == 'headers':
            return ({'k1': f'{self.variant} 1', 'k2': '2'},) * 2
        keys = shape.key.enum[:1] or ['k 1', 'k/ü']
        theirs, ours = {}, {}
        for i, key in enumerate(keys):
            least = shape.key.metadata.get('min', 0)
            key = key.ljust(least, 'k')
            theirs[key], ours[key] = self.value(shape.value, depth + 1, (*seen, shape.name), i)
        return theirs, ours

    def timestamp(self, shape, depth, seen, number):
        return MOMENT, '2024-01-02T04:04:05+01:00' if self.variant == 'varied' else '2024-01-02T03:04:05Z'

    def blob(self, shape, depth, seen, number):
        least = int(shape.metadata.get('min', 0))
        content = (b'' if self.variant == 'varied' and least == 0 else b'hi\x00\xff').ljust(least, b'.')
        return content, base64.b64encode(content).decode()

    def boolean(self, shape, depth, seen, number):
        return ((number + (self.variant == 'varied')) % 2 == 0,) * 2

    def integer(self, shape, depth, seen, number):
        least = shape.metadata.get('min')
        if self.variant == 'varied':
            return (int(least) if least is not None else -7,) * 2
        return (max(3 + number, int(least or 0)),) * 2

    short = byte = integer

    def long(self, shape, depth, seen, number):
        return (3_000_000_000 + number,) * 2

    def float(self, shape, depth, seen, number):
        return (1.5 if self.variant == 'full' else 2.0,) * 2

    double = float

    def string(self, shape, depth, seen, number):
        least = int(shape.metadata.get('min', 0))
        place = shape.serialization.get('location')
        if shape.serialization.get('hostLabel') or shape.metadata.get('hostLabel'):
            text = '123456789012'
        elif getattr(shape, 'enum', None):
            text = shape.enum[(number + (self.variant == 'varied')) % len(shape.enum)]
        elif place in ('header', 'headers'):
            text = f'h v{number}'
        elif self.variant == 'varied' and least == 0 and place is None and number == 0:
            text = ''
        elif self.variant == 'varied':
            text = f" 𝄞~*'()\\\n{number} "
        else:
            text = f'a b/c+&<é>"{number}'
        return (text if getattr(shape, 'enum', None) else text.ljust(least, '.'),) * 2


class Answers:
    """Makes bodies of answers, as a service of each protocol writes them."""

    def __init__(self, protocol, sparse):
        self.protocol, self.sparse = protocol, sparse

    def scalar(self, shape, number, xml, header=False):
        kind, form = shape.type_name, shape.serialization.get('timestampFormat')
        if shape.serialization.get('jsonvalue'):
            text = '{"a": [1, "x"]}'
            return base64.b64encode(text.encode()).decode() if header else text
        if kind == 'timestamp':
            if form == 'rfc822' or (header and form is None):
                return 'Tue, 02 Jan 2024 03:04:05 GMT'
            if form == 'iso8601' or (xml and form is None):
                return '2024-01-02T03:04:05.500Z'
            return '1704164645' if header or xml else 1704164645.5
        if kind == 'blob':
            return base64.b64encode(b'hi\x00\xff').decode()
        if kind in ('integer', 'short', 'byte'):
            return 3 + number
        if kind == 'long':
            return 3_000_000_000
        if kind in ('float', 'double'):
            return 1.5
        if kind == 'boolean':
            return number % 2 == 0
        if getattr(shape, 'enum', None):
            return shape.enum[number % len(shape.enum)]
        return f'h v{number}' if header else '' if self.sparse else f' a b/c+&<é>"{number} '

    def body_members(self, shape, seen):
        if seen.count(shape.name) >= 2 or len(seen) > DEEPEST:
            return []
        members = [
            (name, member)
            for name, member in shape.members.items()
            if not member.serialization.get('location') and not member.serialization.get('eventstream')
        ]
        if shape.is_tagged_union:
            return members[:1]
        # As little as a service may send: of four members one is left out.
        return [pair for i, pair in enumerate(members) if not self.sparse or i % 4 != 3]

    def json(self, shape, seen=(), number=0):
        inside = (*seen, shape.name)
        if shape.type_name == 'structure':
            if shape.is_document_type:
                return {'x': [1, 'y', None]}
            body = {}
            for i, (name, member) in enumerate(self.body_members(shape, seen)):
                # … and one of four is null.
                null = self.sparse and i % 4 == 2 and not shape.is_tagged_union
                body[member.serialization.get('name', name)] = None if null else self.json(member, inside)
            return body
        if shape.type_name == 'list':
            if seen.count(shape.name) >= 2:
                return []
            count = 1 if self.sparse else 2
            items = [self.json(shape.member, inside, i) for i in range(count)]
            return [item for item in items if item != {}] + ([None] if self.sparse else [])
        if shape.type_name == 'map':
            if seen.count(shape.name) >= 2:
                return {}
            key = shape.key.enum[0] if getattr(shape.key, 'enum', None) else 'k 1'
            return {key: self.json(shape.value, inside)}
        return self.scalar(shape, number, xml=False)

    def xml(self, shape, name, seen=(), number=0):
        inside = (*seen, shape.name)
        if shape.type_name == 'structure':
            inner, attributes = '', ''
            for own, member in self.body_members(shape, seen):
                wire = member.serialization.get('name', own)
                if member.serialization.get('xmlAttribute'):
                    attributes += f' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" {wire}="T"'
                else:
                    inner += self.xml(member, wire, inside)
            return f'<{name}{attributes}>{inner}</{name}>'
        if shape.type_name == 'list':
            flattened = shape.serialization.get('flattened')
            item = shape.member.serialization.get('name', name if flattened else 'member')
            count = 0 if seen.count(shape.name) >= 2 or self.sparse else 2
            items = ''.join(self.xml(shape.member, item, inside, i) for i in range(count))
            return items if flattened else f'<{name}>{items}</{name}>'
        if shape.type_name == 'map':
            key, value = shape.key.serialization.get('name', 'key'), shape.value.serialization.get('name', 'value')
            count = 0 if seen.count(shape.name) >= 2 or self.sparse else 2
            entries = [f'<{key}>k{i}</{key}>' + self.xml(shape.value, value, inside, i) for i in range(count)]
            if shape.serialization.get('flattened'):
                return ''.join(f'<{name}>{entry}</{name}>' for entry in entries)
            return f'<{name}>' + ''.join(f'<entry>{entry}</entry>' for entry in entries) + f'</{name}>'
        return f'<{name}>{self.text(self.scalar(shape, number, xml=True))}</{name}>'

    @staticmethod
    def text(value):
        return escape({True: 'true', False: 'false'}.get(value, str(value)) if isinstance(value, bool) else str(value))

    def form(self, operation, output):
        """The answer to a form."""
        if self.protocol == 'ec2':
            inner = self.xml(output, 'Root')[len('<Root>'):-len('</Root>')] if output else '<return>true</return>'
            return f'<{operation.name}Response><requestId>request 1</requestId>{inner}</{operation.name}Response>'
        wrapped = ''
        if output:
            wrapped = self.xml(output, output.serialization.get('resultWrapper', f'{operation.name}Result'))
        metadata = '<ResponseMetadata><RequestId>request 1</RequestId></ResponseMetadata>'
        return f'<{operation.name}Response xmlns="http://aws/">{wrapped}{metadata}</{operation.name}Response>'

    @staticmethod
    def is_judged(header, output):
        """Does botocore compare this header with the body it came with?"""
        name = header.lower()
        return name == 'content-length' or name.startswith('x-amz-checksum-') and bool(output.serialization.get('payload'))

    def success(self, operation):
        """Headers and body of a success."""
        output, headers = operation.output_shape, {'x-amzn-requestid': 'request 1'}
        if self.protocol in ('query', 'ec2'):
            # The id is in the body as well, and older answers have it nowhere else.
            return {}, self.form(operation, output).encode()
        if output is None:
            return headers, b''
        if operation.name == 'GetBucketLocation':
            return headers, b'<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">eu-west-1</LocationConstraint>'
        if self.protocol == 'json':
            return headers, json.dumps(self.json(output)).encode()
        for name, member in output.members.items():
            place, wire = member.serialization.get('location'), member.serialization.get('name', name)
            if place == 'header' and member.type_name == 'list':
                headers[wire] = ','.join(str(self.scalar(member.member, i, True, True)) for i in range(2))
            elif place == 'header' and not self.sparse and not self.is_judged(wire, output):
                headers[wire] = self.text(self.scalar(member, 0, True, True)).replace('&amp;', '&')
            elif place == 'headers':
                headers[f'{wire}One'] = 'v1'
        payload = output.serialization.get('payload')
        if payload and output.members[payload].type_name in ('blob', 'string'):
            return headers, b'raw \x01 body' if not self.sparse else b''
        shape = output.members[payload] if payload else output
        if self.protocol == 'rest-json':
            return headers, json.dumps(self.json(shape)).encode()
        return headers, self.xml(shape, shape.serialization.get('name', payload or 'Result')).encode()

    def refusal(self, operation, number):
        """Status, headers and body of a refusal, in one of the forms that services of the protocol use."""
        declared = operation.error_shapes
        shape = declared[number % len(declared)] if declared else None
        code = (shape.metadata.get('error', {}).get('code') or shape.name) if shape else 'AccessDenied'
        status = (shape.metadata.get('error', {}).get('httpStatusCode') if shape else 403) or 400
        message = f'the "thing" <{number}> is not ü & right'
        of_s3 = operation.service_model.service_name == 's3'
        headers = {'x-amz-request-id' if of_s3 else 'x-amzn-requestid': 'request 2'}
        words = f'<Code>{code}</Code><Message>{escape(message)}</Message>'
        if operation.http.get('method') == 'HEAD':
            return 404, headers, b''
        if self.protocol == 'ec2':
            body = f'<Response><Errors><Error>{words}</Error></Errors><RequestID>request 3</RequestID></Response>'
            return status, {}, body.encode()
        if self.protocol in ('query', 'rest-xml'):
            if of_s3:
                return status, headers, f'<Error>{words}<RequestId>request 2</RequestId></Error>'.encode()
            body = f'<ErrorResponse xmlns="http://aws/"><Error><Type>Sender</Type>{words}</Error><RequestId>request 3</RequestId></ErrorResponse>'
            return status, {}, body.encode()
        if operation.metadata.get('awsQueryCompatible') is not None:
            headers['x-amzn-query-error'] = f'AWS.Old.{code};Sender'
        said = [{'message': message}, {'Message': message}][number % 2]
        forms = [f'com.amazonaws.{operation.service_model.service_name}#{code}', code, f'{code}:http://internal/']
        if self.protocol == 'rest-json' and number % 2 == 0:
            headers['x-amzn-errortype'] = forms[number % 3]
        else:
            said['__type'] = forms[number % 3]
        return status, headers, json.dumps(said).encode()


def client_of(session, service):
    """A client that sends nothing, and the list its handler takes answers from and puts requests into."""
    config = botocore.config.Config(
        retries={'total_max_attempts': 1}, request_checksum_calculation='when_required', response_checksum_validation='when_required'
    )
    client = session.create_client(
        service,
        region_name=REGION,
        # Over TLS botocore puts checksums of streams behind them; before them is as good.
        use_ssl=False,
        aws_access_key_id='AKIDEXAMPLE',
        aws_secret_access_key='secret',
        config=config,
    )
    for event, handler in UNWANTED:
        client.meta.events.unregister(event, handler)
    exchange = {}

    def send(request, **_):
        exchange['request'] = request
        status, headers, body = exchange['answer']
        raw = io.BytesIO(body)
        raw.stream = lambda **_: iter([body])
        return botocore.awsrequest.AWSResponse(request.url, status, botocore.awsrequest.HeadersDict(headers), raw)

    client.meta.events.register_last('before-send', send)
    return client, exchange


def sent(request):
    body = request.body
    if hasattr(body, 'read'):
        body = body.read()
    if isinstance(body, str):
        body = body.encode()
    text = lambda value: value.decode() if isinstance(value, bytes) else value
    return {
        'method': request.method,
        'url': request.url,
        'headers': {text(name).lower(): text(value) for name, value in request.headers.items()},
        'body': base64.b64encode(body or b'').decode(),
    }


def plain(value):
    """A parsed answer as JSON; bytes and times are marked."""
    if isinstance(value, datetime.datetime):
        return {'$time': value.astimezone(datetime.timezone.utc).isoformat()}
    if isinstance(value, botocore.response.StreamingBody):
        return {'$bytes': base64.b64encode(value.read()).decode()}
    if isinstance(value, bytes):
        return {'$bytes': base64.b64encode(value).decode()}
    if isinstance(value, xml.etree.ElementTree.Element):
        # A type that botocore's parser of XML does not know.
        return value.text
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def call(service, client, exchange, operation, protocol, variant, number):
    algorithm = (operation.http_checksum or {}).get('requestAlgorithmMember')
    theirs, ours = {}, {}
    if operation.input_shape is not None:
        theirs, ours = Parameters(service, variant, algorithm).value(operation.input_shape)
    if variant == 'varied':
        exchange['answer'] = Answers(protocol, sparse=False).refusal(operation, number)
    else:
        exchange['answer'] = (200, *Answers(protocol, sparse=variant == 'minimal').success(operation))
    line = {'service': service, 'operation': operation.name, 'variant': variant, 'params': ours}
    exchange.pop('request', None)
    try:
        result = client._make_api_call(operation.name, theirs)
        metadata = result.pop('ResponseMetadata')
        line['result'] = plain(result)
    except botocore.exceptions.ClientError as refused:
        metadata = refused.response['ResponseMetadata']
        line['error'] = {'code': refused.response['Error']['Code'], 'message': refused.response['Error'].get('Message', '')}
    except Exception as surprise:
        line['failed'] = repr(surprise)[:300]
        return line
    line['request_id'] = metadata.get('RequestId')
    status, headers, body = exchange['answer']
    line['answer'] = {'status': status, 'headers': headers, 'body': base64.b64encode(body).decode()}
    line['request'] = sent(exchange['request'])
    return line


def main(services):
    uuid.uuid4 = lambda: TOKEN
    session = botocore.session.get_session()
    for service in services:
        client, exchange = client_of(session, service)
        model = client.meta.service_model
        known = ['json', 'rest-json', 'query', 'ec2', 'rest-xml']
        protocol = next(p for p in model.metadata.get('protocols', [model.protocol]) if p in known)
        for number, name in enumerate(model.operation_names):
            operation = model.operation_model(name)
            if operation.has_event_stream_input or operation.has_event_stream_output:
                continue
            for variant in ('full', 'minimal', 'varied'):
                print(json.dumps(call(service, client, exchange, operation, protocol, variant, number)))


if __name__ == '__main__':
    main(sys.argv[1:])
