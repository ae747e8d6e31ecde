#!/bin/bash
# The guide with its own tools: aws, kubectl and karmadactl; what eksctl does, as plain calls of aws. On the test cloud and the
# clusters of tests/cluster, in whose environment it is started. One etcd member, for three never start with these tools.
#
# Wants RIG, KUBECTL, KARMADACTL and CRDS besides the environment of the cloud. Prints the seconds of each section.
set -euo pipefail
export AWS_PAGER=
name=karmada-parent
push=(ekseucl01 ekseucl02)
pull=eksuscl01
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export KUBECONFIG=$work/config HOME=$work

section() {
  local now=${EPOCHREALTIME/[.,]/}
  if [ -n "${title:-}" ]; then printf '%s %d.%01d\n' "$title" $(((now - since) / 1000000)) $(((now - since) / 100000 % 10)); fi
  title=$1 since=$now
}
text() { aws "$@" --output text; }
trust() {
  printf '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":%s,"Action":"%s"%s}]}' "$1" "$2" "${3:-}"
}
role() {
  aws iam create-role --role-name "$1" --assume-role-policy-document "$2" >/dev/null
  for policy in "${@:3}"; do aws iam attach-role-policy --role-name "$1" --policy-arn "arn:aws:iam::aws:policy/$policy"; done
}

section look-ups
vpc=$(text ec2 describe-vpcs --filters 'Name=tag:Name,Values=*Karmada_VPC*' --query 'Vpcs[].VpcId')
subnets() { text ec2 describe-subnets --filters "Name=vpc-id,Values=$vpc" --query "Subnets[?MapPublicIpOnLaunch==\`$1\`].SubnetId"; }
read -ra private < <(subnets false)
read -ra public < <(subnets true)
account=$(text sts get-caller-identity --query Account)
all=$(IFS=,; echo "${private[*]},${public[*]}")

section cluster
role $name-cluster "$(trust '{"Service":"eks.amazonaws.com"}' sts:AssumeRole)" AmazonEKSClusterPolicy
role $name-node "$(trust '{"Service":"ec2.amazonaws.com"}' sts:AssumeRole)" \
  AmazonEKSWorkerNodePolicy AmazonEC2ContainerRegistryPullOnly AmazonEKS_CNI_Policy AmazonSSMManagedInstanceCore
aws eks create-cluster --name $name --kubernetes-version 1.35 --role-arn "arn:aws:iam::$account:role/$name-cluster" \
  --resources-vpc-config "subnetIds=$all" \
  --access-config authenticationMode=API_AND_CONFIG_MAP,bootstrapClusterCreatorAdminPermissions=true >/dev/null
aws eks wait cluster-active --name $name
for addon in vpc-cni kube-proxy coredns; do aws eks create-addon --cluster-name $name --addon-name $addon >/dev/null; done
aws eks create-nodegroup --cluster-name $name --nodegroup-name ng-1 --subnets "${public[@]}" \
  --node-role "arn:aws:iam::$account:role/$name-node" --scaling-config minSize=3,maxSize=3,desiredSize=3 >/dev/null
aws eks wait nodegroup-active --cluster-name $name --nodegroup-name ng-1

section volumes
issuer=$(text eks describe-cluster --name $name --query cluster.identity.oidc.issuer)
aws iam create-open-id-connect-provider --url "$issuer" --client-id-list sts.amazonaws.com >/dev/null
host=${issuer#https://}
condition=",\"Condition\":{\"StringEquals\":{\"$host:aud\":\"sts.amazonaws.com\",\"$host:sub\":\"system:serviceaccount:kube-system:ebs-csi-controller-sa\"}}"
role $name-ebs "$(trust "{\"Federated\":\"arn:aws:iam::$account:oidc-provider/$host\"}" sts:AssumeRoleWithWebIdentity "$condition")" \
  service-role/AmazonEBSCSIDriverPolicy
aws eks create-addon --cluster-name $name --addon-name aws-ebs-csi-driver \
  --service-account-role-arn "arn:aws:iam::$account:role/$name-ebs" --resolve-conflicts OVERWRITE >/dev/null
aws eks wait addon-active --cluster-name $name --addon-name aws-ebs-csi-driver
aws eks update-kubeconfig --name $name >/dev/null
# kubectl signs in with the `aws` of the PATH.
"$KUBECTL" apply -f - >/dev/null <<Y
{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: ebs-sc}, provisioner: ebs.csi.aws.com, volumeBindingMode: WaitForFirstConsumer, parameters: {type: gp3}}
Y
"$KUBECTL" get nodes,services,storageclasses -A >/dev/null

section load-balancer
"$KUBECTL" create namespace karmada-system >/dev/null
"$KUBECTL" apply -f - >/dev/null <<Y
apiVersion: v1
kind: Service
metadata:
  name: karmada-service-loadbalancer
  namespace: karmada-system
  annotations: {service.beta.kubernetes.io/aws-load-balancer-type: nlb}
spec: {type: LoadBalancer, selector: {app: karmada-apiserver}, ports: [{protocol: TCP, port: 32443, targetPort: 5443}]}
Y
balancer() { "$KUBECTL" get service -n karmada-system karmada-service-loadbalancer -o jsonpath='{.status.loadBalancer.ingress[0].hostname}'; }
until lb=$(balancer) && [ -n "$lb" ] && getent hosts "$lb" >/dev/null; do sleep 1; done

section init
"$KARMADACTL" init --kubeconfig "$KUBECONFIG" --karmada-apiserver-advertise-address "$(getent hosts "$lb" | head -1 | cut -f1 -d' ')" \
  --karmada-apiserver-replicas 3 --etcd-replicas 1 --etcd-storage-mode PVC --storage-classes-name ebs-sc \
  --cert-external-dns='*.elb.eu-west-1.amazonaws.com' --crds "$CRDS" --karmada-data "$work/karmada" --karmada-pki "$work/karmada/pki" \
  >"$work/init.log" 2>&1 || { tail -5 "$work/init.log" >&2; exit 1; }
karmada=$work/karmada/karmada-apiserver.config

section join
for member in "${push[@]}" $pull; do
  "$KARMADACTL" join --kubeconfig "$karmada" "$member" --cluster-kubeconfig "$RIG/kubeconfigs/$member.yaml" >/dev/null
done
for member in "${push[@]}" $pull; do
  "$KUBECTL" --kubeconfig "$karmada" wait --for=condition=Ready "cluster/$member" --timeout=120s >/dev/null
done

section schedule
"$KUBECTL" --kubeconfig "$karmada" create -f - >/dev/null <<Y
apiVersion: policy.karmada.io/v1alpha1
kind: PropagationPolicy
metadata: {name: sample-propagation}
spec:
  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment, name: nginx}]
  placement:
    clusterAffinity: {clusterNames: [${push[0]}, ${push[1]}, $pull]}
    replicaScheduling:
      replicaDivisionPreference: Weighted
      replicaSchedulingType: Divided
      weightPreference:
        staticWeightList:
          - {targetCluster: {clusterNames: [${push[0]}, ${push[1]}]}, weight: 1}
          - {targetCluster: {clusterNames: [$pull]}, weight: 2}
Y
"$KUBECTL" --kubeconfig "$karmada" create deployment nginx --image nginx --replicas=12 >/dev/null
running() {
  "$KUBECTL" --kubeconfig "$RIG/kubeconfigs/$1.yaml" get pods -l app=nginx --field-selector status.phase=Running -o name 2>/dev/null | wc -l
}
for pair in "${push[0]} 3" "${push[1]} 3" "$pull 6"; do
  until [ "$(running "${pair% *}")" = "${pair#* }" ]; do sleep 1; done
done
section end
